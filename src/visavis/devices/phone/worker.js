// The phone's service worker: it shows a card that was pushed, once, silently; sends back that it was shown and what was answered; keeps an answer that
// cannot be sent; and shows the page without a network.
const PAGE = '/phone', KEPT = 'visavis-page', UNSENT = 'visavis-unsent', ICON = '/phone/icon-192.png';

self.addEventListener('install', event => {
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT).then(cache => cache.add(ICON)));
});
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', event => {
  if (event.request.mode !== 'navigate' || new URL(event.request.url).pathname !== PAGE) return;
  event.respondWith((async () => {
    try {
      const found = await fetch(event.request);
      if (found.ok) await (await caches.open(KEPT)).put(PAGE, found.clone());
      return found;
    } catch {
      return (await caches.match(PAGE)) || Response.error();
    }
  })());
});

self.addEventListener('push', event => {
  const told = event.data.json();
  event.waitUntil(told.recall ? closed(told.recall) : shown(told));
});

self.addEventListener('notificationclick', event => {
  const {tag} = event.notification;
  event.notification.close();
  event.waitUntil(event.action ? answered({decision: tag, answer: event.action, at: Date.now()}) : opened());
});

self.addEventListener('message', event => {
  event.waitUntil(event.data === 'flush' ? flushed() : answered({...event.data, at: Date.now()}));
});

async function shown(card) {
  await flushed();
  const pages = await self.clients.matchAll({type: 'window'});
  const looking = pages.filter(page => page.visibilityState === 'visible');
  looking.forEach(page => page.postMessage('look'));  // the page shows it, and says so
  if (looking.length) return;
  await closed();
  await self.registration.showNotification(card.title, {
    body: [card.body, card.place].filter(Boolean).join(' · '), tag: card.id, lang: card.lang, silent: true, icon: ICON,
    actions: [['yes', card.yes], ['no', card.no]].filter(([, title]) => title).map(([action, title]) => ({action, title})),
  });
  await said('displayed', {decision: card.id}).catch(() => {});
}

async function closed(tag) {
  for (const one of await self.registration.getNotifications(tag ? {tag} : {})) one.close();
  for (const page of await self.clients.matchAll({type: 'window'})) if (tag) page.postMessage('look');
}

async function opened() {
  const [page] = await self.clients.matchAll({type: 'window'});
  return page ? page.focus() : self.clients.openWindow(PAGE);
}

async function answered(answer) {
  await (await caches.open(UNSENT)).put(`/phone/unsent/${answer.decision}`, new Response(JSON.stringify(answer)));
  await flushed();
}

async function flushed() {
  const kept = await caches.open(UNSENT);
  for (const request of await kept.keys()) {
    const {decision, answer, at} = await (await kept.match(request)).json();
    try {
      const found = await said('answer', {decision, answer, ago_s: (Date.now() - at) / 1000});
      if (found.status < 500) await kept.delete(request);
    } catch {
      return;
    }
  }
}

function said(path, body) {
  return fetch(`/phone/${path}`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
}
