// The adviser's page: one state of the screen after another, one gesture back, and nothing left in the page of what has gone.
import { post, root } from './page.js';

const HEARD_MS = 40_000;     // a page that hears nothing for so long takes its brief off: its person may have withdrawn
const STEADY_MS = 350;       // a tap that falls this soon after another brief has come was meant for the one before
const SWIPE_PX = 60;
const screen = document.getElementById('screen'), off = document.getElementById('off'), said = document.getElementById('said');
const empty = screen?.innerHTML, small = matchMedia('(max-height: 430px) and (min-aspect-ratio: 1/1)');
let source = null, picked = '', shown = '', since = 0, gone = 0, silence = 0;

const brief = () => document.getElementById('brief');
const kept = () => JSON.parse(localStorage.getItem('unsent-briefs') || '[]');
const keep = list => localStorage.setItem('unsent-briefs', JSON.stringify(list));
const same = (a, b) => a.decision === b.decision && a.answer === b.answer;

function fit() {
  if (root.dataset.fixed === undefined) root.dataset.as = small.matches ? 'glasses' : 'tablet';
}

function show(html) {
  const focus = document.activeElement?.id, before = shown, asking = document.getElementById('which')?.hidden === false;
  screen.innerHTML = html;                                        // rendered and escaped by the server
  clearTimeout(gone);
  shown = brief()?.dataset.decision ?? '';
  if (kept().some(one => one.decision === shown)) return wipe();   // answered here already; the server has not heard of it yet
  if (shown && shown === before && asking) ask(true);
  if (shown !== before) { since = performance.now(); said.textContent = ''; }
  const back = document.getElementById(focus);
  if (back && back !== document.activeElement) back.focus();
  if (!shown) return;
  gone = setTimeout(wipe, brief().dataset.lasts * 1000);
  performance.mark('brief');
}

function wipe() {
  clearTimeout(gone);
  shown = '';
  screen.innerHTML = empty;
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(() => { wipe(); open(); }, HEARD_MS);
}

function open() {
  source?.close();
  const query = new URLSearchParams(location.search);
  if (picked) query.set('pick', picked);
  source = new EventSource('/adviser/stream?' + query);
  source.onopen = () => { off.hidden = true; heard(); flush(); };
  source.onerror = () => {
    off.hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
  };
  source.addEventListener('screen', e => { heard(); show(e.data); });
  source.addEventListener('beat', heard);
  source.addEventListener('shut', () => { source.close(); wipe(); location.reload(); });
}

async function flush() {
  for (const one of kept()) {
    const reply = await post('/answer', one).catch(() => null);
    if (!reply || reply.status >= 500) return void setTimeout(flush, 3000);
    keep(kept().filter(other => !same(other, one)));
    const settled = reply.ok ? (await reply.json()).answer : one.answer;
    if (settled !== one.answer) said.textContent = document.getElementById('script').dataset.settled;
  }
}

function answer(button) {
  if (!shown || performance.now() - since < STEADY_MS) return;
  const { answer, about = '' } = button.dataset, choices = [...document.querySelectorAll('#which [data-about]')];
  if (answer === 'wrong' && !about && choices.length > 1) return ask(true);
  keep([...kept(), { decision: shown, answer, about: about || (answer === 'wrong' && choices[0]?.dataset.about) || '' }]);
  wipe();
  flush();
}

// Which fact is wrong? The three answers make room for the numbers of the facts.
function ask(on) {
  said.textContent = on ? document.getElementById('which').dataset.asks : '';
  document.getElementById('answers').hidden = on;
  document.getElementById('which').hidden = !on;
  document.querySelector(on ? '#which button' : '#wrong').focus();
}

function pick(decision) {
  picked = decision;
  open();
}

const press = id => document.getElementById(id)?.click();

function move(to) {
  const on = [...screen.querySelectorAll('#which button')], next = on.indexOf(document.activeElement) + to;
  on[(next + on.length) % on.length].focus();
}

document.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (!button) return;
  if (button.dataset.answer) answer(button);
  else if (button.dataset.pick) pick(button.dataset.pick);
  else if (button.id === 'back') ask(false);
});

// Gestures of a ring, a crown or a temple pad: right is done, left is later, down is wrong; up goes to the next name.
document.addEventListener('keydown', e => {
  if (!shown || e.repeat || e.ctrlKey || e.metaKey || e.altKey) return;
  const asking = !document.getElementById('which').hidden, onButton = e.target.closest?.('button');
  if (asking) {
    if (e.key === 'Escape' || e.key === 'ArrowLeft') ask(false);
    else if (e.key === 'ArrowDown') move(1);
    else if (e.key === 'ArrowUp') move(-1);
    else if (e.key >= '1' && e.key <= '9') press('wrong-' + e.key);
    else return;
  } else if (e.key === 'ArrowRight' || (e.key === 'Enter' && !onButton)) press('done');
  else if (e.key === 'ArrowLeft' || e.key === 'Escape') press('later');
  else if (e.key === 'ArrowDown') press('wrong');
  else if (e.key === 'ArrowUp') screen.querySelector('[data-pick]')?.click();
  else return;
  e.preventDefault();
});

let from = null;
document.addEventListener('pointerdown', e => { from = root.dataset.as === 'glasses' ? e : null; });
document.addEventListener('pointerup', e => {
  if (!from || !shown) return;
  const x = e.clientX - from.clientX, y = e.clientY - from.clientY;
  if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 2 * Math.abs(y)) press(x > 0 ? 'done' : 'later');
  else if (y > SWIPE_PX && y > 2 * Math.abs(x)) press('wrong');
});

small.addEventListener('change', fit);
addEventListener('offline', () => { off.hidden = false; });
addEventListener('online', () => source && open());
if (screen) { fit(); open(); }
