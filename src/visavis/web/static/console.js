// The console: a feed that can be held and filtered, one moment explained, and what stands beside it.
import { root } from './page.js';

const KEEP = 60, feed = document.getElementById('feed'), why = document.getElementById('why'), summary = document.getElementById('summary');
const pause = document.getElementById('pause'), filter = document.getElementById('filter'), off = document.getElementById('off'), none = document.getElementById('none');
const language = root.lang;
let source = null, last = '', typing = 0;

const held = () => pause.getAttribute('aria-pressed') === 'true';

function open() {
  source?.close();
  source = null;
  if (held() || document.hidden) return;
  const query = new URLSearchParams([...new FormData(filter)].filter(([, value]) => value));
  query.set('language', language);
  if (last) query.set('after', last);
  source = new EventSource('/console/stream?' + query);
  source.onopen = () => { off.hidden = true; };
  source.onerror = () => {
    off.hidden = false;
    if (source?.readyState === EventSource.CLOSED) setTimeout(open, 3000);
  };
  source.addEventListener('rows', e => {
    last = e.lastEventId;
    feed.insertAdjacentHTML('afterbegin', e.data);                 // rendered and escaped by the server
    while (feed.children.length > KEEP) feed.lastElementChild.remove();
    none.hidden = true;
  });
  source.addEventListener('summary', e => { summary.innerHTML = e.data; });
  source.addEventListener('shut', () => location.reload());
}

function again() {
  last = '';
  feed.replaceChildren();
  none.hidden = false;
  open();
}

async function swap(place, request) {
  const reply = await request.catch(() => null);
  off.hidden = Boolean(reply);
  if (!reply?.ok) return false;
  place.innerHTML = await reply.text();
  return true;
}

async function explain(row) {
  const query = new URLSearchParams({ number: row.dataset.number, language });
  for (const other of feed.querySelectorAll('[aria-current]')) other.removeAttribute('aria-current');
  row.setAttribute('aria-current', 'true');
  if (await swap(why, fetch('/console/moment?' + query)) && matchMedia('(max-width: 640px)').matches) document.getElementById('h-why').focus();
}

async function revoke(button) {
  if (button.dataset.sure) {                                        // the first press asks, the second does
    button.textContent = button.dataset.sure;
    delete button.dataset.sure;
    return;
  }
  const keys = document.getElementById('keys');
  if (await swap(keys, fetch(`/console/keys/${button.dataset.revoke}/revoke?language=${language}`, { method: 'POST' }))) {
    const heading = document.getElementById('h-keys');
    heading.tabIndex = -1;
    heading.focus();
  }
}

document.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (button?.dataset.number) explain(button);
  else if (button?.dataset.revoke) revoke(button);
});

pause?.addEventListener('click', () => {
  pause.setAttribute('aria-pressed', !held());
  open();
});

filter?.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(again, 200); });
filter?.addEventListener('submit', e => e.preventDefault());
document.addEventListener('visibilitychange', () => feed && open());
addEventListener('offline', () => { if (off) off.hidden = false; });
addEventListener('online', () => feed && open());
if (feed) open();
