-- Vis-à-vis on a Brilliant Halo: draws the lines of a card, reports that it did, and the button. `data` is the vendor's own library.
local data = require('data.min')
local CARD, CLEAR, EVENT = 0x20, 0x21, 0x22
local LEFT, TOP, PITCH = 45, 49, 20 -- the first pixel is 1
local card = ''

local function report(what)
  if card ~= '' then
    pcall(frame.bluetooth.send, string.char(EVENT) .. what .. ':' .. card)
  end
end

local function clear()
  frame.display.clear(0)
  frame.display.show()
end

local function draw(block)
  frame.display.clear(0)
  local row = -1
  for line in (block .. '\n'):gmatch('(.-)\n') do
    if row == -1 then
      card = line
    elseif line ~= '' then
      frame.display.text(line, LEFT, TOP + row * PITCH, 0xFFFFFF)
    end
    row = row + 1
  end
  frame.display.show()
  report('SHOWN')
end

frame.button.single(function() report('ACCEPT') end)
frame.button.double(function() report('REFUSE') end)
clear()
print('ready')
while true do
  for _, item in ipairs(data.process_raw_items()) do
    if item[1] == CARD then
      draw(item[2])
    elseif item[1] == CLEAR then
      card = ''
      clear()
    end
  end
  frame.sleep(0.01)
end
