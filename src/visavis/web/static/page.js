// What the pages for people at work share: the key that comes in by a link or by hand, and one way to send.

export const root = document.documentElement;
const here = root.dataset.page;

export const post = (path, body) => fetch(here + path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), keepalive: true,
});

async function enter(key) {
  const reply = await post('/enter', { key }).catch(() => null);
  if (reply?.ok) location.reload();
  else if (document.getElementById('refused')) document.getElementById('refused').hidden = false;
}

// A link such as /adviser#key=… opens the page. What follows # never reaches a server's log, and it leaves the address at once.
function linked() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key');
  if (!key) return;
  history.replaceState(null, '', location.pathname + location.search);
  enter(key);
}

addEventListener('hashchange', linked);
linked();
document.getElementById('enter')?.addEventListener('submit', e => {
  e.preventDefault();
  enter(e.target.elements.key.value.trim());
});
