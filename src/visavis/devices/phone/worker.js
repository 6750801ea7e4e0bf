// The phone's service worker: shows a pushed card once and silently, reports that it was shown and what was answered, keeps an answer that cannot be
// sent, and serves the page without a network.
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
      const response = await fetch(event.request);
      if (response.ok) await (await caches.open(KEPT)).put(PAGE, response.clone());
      return response;
    } catch {
      return (await caches.match(PAGE)) || Response.error();
    }
  })());
});

self.addEventListener('push', event => {
  const message = event.data.json();
  event.waitUntil(message.recall ? close(message.recall) : show(message));
});

self.addEventListener('notificationclick', event => {
  const {tag} = event.notification;
  event.notification.close();
  event.waitUntil(event.action ? answer({decision: tag, answer: event.action, at: Date.now()}) : open());
});

self.addEventListener('message', event => {
  event.waitUntil(event.data === 'flush' ? flush() : answer({...event.data, at: Date.now()}));
});

async function show(card) {
  await flush();
  const pages = await self.clients.matchAll({type: 'window'});
  const visible = pages.filter(page => page.visibilityState === 'visible');
  visible.forEach(page => page.postMessage('look'));  // the page shows it, and says so
  if (visible.length) return;
  await close();
  await self.registration.showNotification(card.title, {
    body: [card.body, card.place].filter(Boolean).join(' · '), tag: card.id, lang: card.lang, silent: true, icon: ICON,
    actions: [['yes', card.yes], ['no', card.no]].filter(([, title]) => title).map(([action, title]) => ({action, title})),
  });
  await post('displayed', {decision: card.id}).catch(() => {});
}

async function close(tag) {
  for (const one of await self.registration.getNotifications(tag ? {tag} : {})) one.close();
  for (const page of await self.clients.matchAll({type: 'window'})) if (tag) page.postMessage('look');
}

async function open() {
  const [page] = await self.clients.matchAll({type: 'window'});
  return page ? page.focus() : self.clients.openWindow(PAGE);
}

async function answer(answer) {
  await (await caches.open(UNSENT)).put(`/phone/unsent/${answer.decision}`, new Response(JSON.stringify(answer)));
  await flush();
}

async function flush() {
  const unsent = await caches.open(UNSENT);
  for (const request of await unsent.keys()) {
    const {decision, answer, at} = await (await unsent.match(request)).json();
    try {
      const response = await post('answer', {decision, answer, ago_s: Math.max(0, Date.now() - at) / 1000});
      if (response.status < 500) await unsent.delete(request);
    } catch {
      return;
    }
  }
}

function post(path, body) {
  return fetch(`/phone/${path}`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
}
