// Makes rooms' pages live. Everything here is an addition: without scripts a page reads, pages, posts and acts by itself.
import { Acts } from '#js/act.js';
import { Keys } from '#js/act-keys.js';
import { Menu } from '#js/act-menu.js';
import { Toolbar } from '#js/act-toolbar.js';
import { Composer } from '#js/composer.js';
import { Kept } from '#js/kept.js';
import { Level } from '#js/level.js';
import { Outbox } from '#js/outbox.js';
import { isDescribedBy, onPage } from '#js/page.js';
import { People } from '#js/people.js';
import { Place } from '#js/place.js';
import { Pins } from '#js/pins.js';
import { Quotes } from '#js/quotes.js';
import { Reading } from '#js/reading.js';
import { Room } from '#js/room.js';
import { connection, me, sidebar, title } from '#js/shell.js';
import { Timeline } from '#js/timeline.js';

onPage((main, signal) => {
  if (!main.matches('.room')) return;
  const line = connection.in(main.dataset.room, signal);
  const place = new Place(signal);
  const quotes = new Quotes(line, place);
  const timeline = new Timeline(main, me, place, quotes);
  const reading = new Reading(main, line, timeline, place, sidebar, signal);
  const outbox = new Outbox(main.dataset.room, me, line);
  const people = new People(line, me);
  const form = main.querySelector('#composer');
  const composer = form && new Composer(form, outbox, people, Number(main.dataset.max), { line, me, room: main.dataset.room, signal });
  const acts = new Acts(main, line, me, { reading, composer });
  const menu = new Menu(acts);
  new Toolbar(acts, menu);
  new Keys(acts, menu);
  new Level(line, sidebar, main, signal);
  const kept = new Kept(me, main);
  new Room(main, signal, { line, place, timeline, outbox, people, reading, sidebar, title, kept, pins: new Pins(main, line) }).start();
  isDescribedBy(() => place.described(), signal);
});
