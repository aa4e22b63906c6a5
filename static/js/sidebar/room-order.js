// The rooms in the sidebar's visual order: unread first, muted last. The list in the DOM is by name.

const name = (item) => item.querySelector('.name')?.textContent ?? '';

// Whether one entry's name sorts after another's.
export function isAfter(item, other) { return name(item).localeCompare(name(other), undefined, { sensitivity: 'base' }) > 0; }

export function nextRoom(step, { isUnread = false } = {}) {
  const links = [...document.querySelectorAll('.sidebar a[data-room]')].filter((link) => link.offsetParent);
  links.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
  const at = links.findIndex((link) => link.getAttribute('aria-current') === 'page');
  const count = links.length;
  // Wraps around, and excludes the open room.
  for (let i = 1; i <= count; i++) {
    const from = at < 0 && step < 0 ? 0 : at;
    const link = links[(((from + step * i) % count) + count) % count];
    if (link && link !== links[at] && (!isUnread || link.classList.contains('unread'))) return link.href;
  }
  return null;
}
