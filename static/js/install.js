// On every page: brings in the service worker, which opens Parlor without a network. Without one, everything else works as it does.

const worker = navigator.serviceWorker;

async function install() {
  // A page that came before the worker did is not known to it.
  const isNew = !worker.controller;
  try {
    await worker.register('/sw.js', { scope: '/', updateViaCache: 'none' });
    const { active } = await worker.ready;
    if (isNew) active.postMessage({ keep: location.pathname + location.search });
  } catch {
    // A browser that forbids it, or a network that went away in the middle.
  }
}

if (worker) install();
