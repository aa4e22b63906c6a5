// Makes the room's page live. Everything here is an addition: without scripts the page reads, pages and posts by itself.
import { Composer } from '#js/composer.js';
import { Connection } from '#js/connection.js';
import { forget } from '#js/drafts.js';
import { Outbox } from '#js/outbox.js';
import { People } from '#js/people.js';
import { Room } from '#js/room.js';
import { Timeline } from '#js/timeline.js';

const main = document.querySelector('main.room');
const me = { username: main.dataset.me, name: main.dataset.myName, id: Number(main.dataset.myId) };
const connection = new Connection(main.dataset.room);
const timeline = new Timeline(main, me);
const outbox = new Outbox(main.dataset.room, me, connection);
const people = new People(connection, me);
new Room(main, connection, timeline, outbox, people).start();
const form = document.querySelector('#composer');
if (form) new Composer(form, outbox, people, Number(main.dataset.max), { line: connection, me, room: main.dataset.room });
document.querySelector('form[action="/logout"]').addEventListener('submit', () => forget());
