// On every page: registers the service worker, which opens Parlor without a network. Without a service worker everything else works.

const worker = navigator.serviceWorker;

async function install() {
  // A page that was loaded before the worker is unknown to it.
  const isNew = !worker.controller;
  try {
    await worker.register('/sw.js', { scope: '/', updateViaCache: 'none' });
    const { active } = await worker.ready;
    if (isNew) active.postMessage({ keep: location.pathname + location.search });
  } catch {
    // The browser forbids it, or the network failed.
  }
}

if (worker) install();
