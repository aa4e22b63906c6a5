// The offline page: lists the cached rooms, and returns to the wanted page when the network is back.
import '#js/install.js';

// The page was cached with the theme of that time.
const theme = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
if (theme) document.documentElement.dataset.theme = theme;

async function rooms() {
  if (!('caches' in globalThis)) return [];
  const name = (await caches.keys()).find((one) => one.startsWith('private-'));
  if (!name) return [];
  const cache = await caches.open(name);
  const requests = (await cache.keys()).filter(({ url }) => /^\/rooms\/[^/]+$/.test(new URL(url).pathname));
  return Promise.all(requests.reverse().map(async (request) => {
    const page = new DOMParser().parseFromString(await (await cache.match(request, { ignoreVary: true })).text(), 'text/html');
    return { path: new URL(request.url).pathname, name: page.querySelector('h1')?.textContent ?? page.title };
  }));
}

const title = document.querySelector('h1');
if (!navigator.onLine) title.textContent = title.dataset.offline;
addEventListener('online', () => location.reload());

async function show() {
  const found = await rooms();
  const list = document.querySelector('#kept ul');
  for (const { path, name } of found) {
    const link = document.createElement('a');
    link.href = path;
    link.textContent = name;
    const item = document.createElement('li');
    item.append(link);
    list.append(item);
  }
  document.querySelector('#kept').hidden = !found.length;
}
show();
