// The stage: parts come as server-sent fragments, gestures go as one request each; the screens are frames that live on their own.
const root = document.documentElement, all = (what, where = document) => where.querySelectorAll(what), one = what => document.querySelector(what);
const language = root.lang, off = one('[data-off]');

const offline = is => (off.hidden = !is);
async function send(name, body = {}) {
  const reply = await fetch('/stage/' + name, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  }).catch(() => null);
  offline(!reply || reply.status >= 500);
  return reply?.ok;
}

// A part is drawn again without losing the focus, or what was opened in it.
function draw(part, html) {
  if (part.drawn === html) return;
  part.drawn = html;
  const focus = document.activeElement?.id, opened = [...all('details[open]', part)].map(d => d.id);
  part.innerHTML = html;
  for (const id of opened) document.getElementById(id)?.setAttribute('open', '');
  if (focus && document.activeElement?.id !== focus) part.querySelector('#' + CSS.escape(focus))?.focus({ preventScroll: true });
}

// A frame is entered again only when it is another person's or place's, or another shape.
let as = sessionStorage.getItem('as') || 'glasses', places = {};
function enter(to) {
  places = { ...places, ...to };
  root.dataset.population = places.population;
  for (const frame of all('[data-screen]')) {
    const url = places[frame.dataset.screen] + (frame.dataset.screen === 'adviser' ? '&as=' + as : '');
    if (frame.getAttribute('src') !== url) frame.src = url;
  }
  root.dataset.shape = as;
  for (const button of all('[data-as]')) button.setAttribute('aria-pressed', button.dataset.as === as);
}
enter({ population: root.dataset.population === 'true', customer: one('[data-screen=customer]').getAttribute('src'), adviser: one('[data-screen=adviser]').dataset.src });

// A stream that was refused, not lost: another server may be there now, with a door of its own.
async function again() {
  const reply = await fetch('/stage', { method: 'HEAD' }).catch(() => null);
  if (reply?.status === 401) location.reload();
  else follow();
}
let source = null, busy = false;
function follow() {
  source?.close();
  source = null;
  if (document.hidden) return;  // a hidden stage needs no stream; the frames keep theirs
  source = new EventSource('/stage/stream?language=' + language);
  source.onopen = () => offline(false);
  source.onerror = () => { offline(true); if (source?.readyState === 2) setTimeout(again, 1500); };
  source.addEventListener('frames', e => enter(JSON.parse(e.data)));
  for (const part of all('[data-part]')) source.addEventListener(part.dataset.part, e => { offline(false); draw(part, e.data); });
}
document.addEventListener('visibilitychange', follow);
follow();

document.addEventListener('click', async e => {
  const button = e.target.closest('button');
  if (!button) return;
  if (button.dataset.as) { as = button.dataset.as; sessionStorage.setItem('as', as); enter({}); }
  const gesture = button.dataset.post;
  if (!gesture || busy && gesture !== 'play') return;
  busy = root.ariaBusy = true;  // one gesture at a time: a second press while a step is played would skip one
  await send(gesture, 'scene' in button.dataset ? { scene: +button.dataset.scene } : {});
  busy = false;
  root.ariaBusy = null;
});
document.addEventListener('change', async e => {
  const box = e.target;
  if ('choose' in box.dataset) send('choose', { household: box.value });
  if (box.dataset.switch && !(await send('switch', { purpose: box.dataset.switch, on: box.checked }))) box.checked = !box.checked;
});
document.addEventListener('keydown', e => {
  if (e.repeat || e.ctrlKey || e.metaKey || e.altKey || e.target.closest('select, input')) return;
  const press = id => { e.preventDefault(); document.getElementById(id)?.click(); };
  if (e.key === 'ArrowRight') press('next');
  if (e.key === 'ArrowLeft') press('back');
  if (e.key === ' ' && !e.target.closest('button, a, summary')) press('play');
  if (/^[1-9]$/.test(e.key)) press('scene-' + e.key);
});
