// What the palette finds: rooms, people and commands. Each entry is { kind, sign, label, detail, names, run }.
import { announce } from '#js/core/announce.js';
import { fetchJson } from '#js/core/fetch-json.js';
import { get, set } from '#js/core/user-storage.js';
import { fill } from '#js/people/names.js';
import { visit } from '#js/core/visit.js';

const MOST_RECENT = 8;

const go = (path) => () => visit(path);

// A link to the search for messages: in the open room first.
export function inMessages(typed, here) {
  const name = here && document.querySelector('main.room h1')?.textContent.trim();
  const room = here ? `in=${encodeURIComponent(here)}&` : '';
  return { kind: 'Search', sign: '⌕', label: `Search messages for “${typed}”`, detail: name && `in ${name}`, names: [], run: go(`/search?${room}q=${encodeURIComponent(typed)}`) };
}

// The rooms visited last, the latest first; per person, in this browser.
export class RecentRooms {
  #key;

  constructor(me) { this.#key = `recent:${me.id}:rooms`; }

  list() { return get(this.#key) ?? []; }

  visited(room) { set(this.#key, [room, ...this.list().filter((one) => one !== room)].slice(0, MOST_RECENT)); }
}

// Rooms: those in the sidebar at once, then others that the person may see.
export function ownRooms() {
  return [...document.querySelectorAll('.sidebar a[data-room]')].map((link) => {
    const slug = link.dataset.room;
    const name = link.querySelector('.name')?.textContent.trim() || slug;
    const isDirect = !!link.closest('[data-list=directs]');
    const isPrivate = link.querySelector('.hash')?.textContent === '🔒';
    return { kind: isDirect ? 'Direct message' : 'Room', sign: isDirect ? '@' : isPrivate ? '🔒' : '#', slug, label: name, names: [name, slug], person: link.querySelector('[data-person]')?.dataset.person, isUnread: link.classList.contains('unread'), run: go(`/rooms/${slug}`) };
  });
}

// Rooms beyond the sidebar: the first page of them, or the server's search.
export async function otherRooms(typed = '') {
  const { rooms = [] } = await fetchJson(`/rooms${typed.trim() ? `?q=${encodeURIComponent(typed.trim().slice(0, 64))}` : ''}`) ?? {};
  // Conversations are found by their people.
  return rooms.filter(({ room }) => !room.direct).map(({ room }) => ({ kind: 'Room', sign: room.visibility === 'private' ? '🔒' : '#', slug: room.slug, label: room.name, detail: room.topic, names: [room.name, room.slug], weight: 0.95, run: go(`/rooms/${room.slug}`) }));
}

// People, from the server's list.
export async function people(typed) {
  if (!typed.trim()) return [];
  const { people: found = [] } = await fetchJson(`/people?q=${encodeURIComponent(typed.trim())}`) ?? {};
  return found.slice(0, 6).map(({ id, username, name, status, photo }) => ({
    kind: 'Person', username, sign: '', hue: id % 12, fill: (avatar) => fill(avatar, { username, name, photo }), label: name, detail: status || `@${username}`, names: [name, username], weight: 0.9, run: go(`/people/${encodeURIComponent(username)}`),
  }));
}

// Opens the conversation with oneself, and creates it if needed.
async function notes() {
  const body = new URLSearchParams({ users: document.querySelector('.app').dataset.me });
  const answer = await fetch('/direct', { method: 'POST', body, headers: { accept: 'application/json' } }).catch(() => null);
  if (answer?.ok) visit(`/rooms/${(await answer.json()).room.slug}`);
  else announce('That didn’t work. Try again.', { isShown: true });
}

// Commands that are available everywhere.
export function commands({ keys, theme, readAll }) {
  const command = (label, more, run, key = '') => ({ kind: 'Command', sign: '›', label, key, names: [label, ...more], weight: 0.85, run });
  return [
    command('Search', ['find messages'], go('/search'), 'g s'),
    command('Mentions', ['mentions of me', 'activity', 'notifications'], go('/mentions'), 'g m'),
    command('Browse rooms', ['all rooms', 'directory', 'join a room'], go('/rooms'), 'g r'),
    command('Create room', ['new room', 'open a room', 'add room'], go('/rooms#create')),
    command('People', ['directory', 'members'], go('/people'), 'g p'),
    command('New message', ['direct message', 'write to someone', 'dm', 'group message'], go('/direct'), 'g d'),
    command('Notes to self', ['my notes', 'drafts', 'to-dos'], notes),
    command('Settings', ['your settings', 'profile', 'preferences', 'status', 'name'], go('/settings')),
    command('Switch theme', ['light or dark', 'theme', 'night', 'day', 'toggle theme'], theme),
    command('Mark all as read', ['mark everything read', 'clear unread'], readAll),
    command('Keyboard shortcuts', ['keys', 'shortcuts', 'help'], keys, '?'),
    command('Log out', ['sign out', 'leave'], () => document.querySelector('form[action="/logout"]')?.requestSubmit()),
  ];
}
