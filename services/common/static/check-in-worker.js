// Shows the check-in desk again when there is no network: always the network first, the last copy otherwise.
"use strict";
const KEPT = "hesheng-desk-1";
const kept = (url) => /\/staff\/check-in\/[0-9a-f-]{36}$/.test(url.pathname) || url.pathname.includes("/static/");

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !kept(url)) return;
  event.respondWith((async () => {
    const cache = await caches.open(KEPT);
    try {
      const answer = await fetch(event.request);
      if (answer.ok && !answer.redirected) await cache.put(event.request, answer.clone());
      else if (answer.status === 401 || answer.redirected) await caches.delete(KEPT);
      return answer;
    } catch (error) {
      const copy = await cache.match(event.request);
      if (copy) return copy;
      throw error;
    }
  })());
});
