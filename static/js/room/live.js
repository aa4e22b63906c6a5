// Makes a room's page live. All of it is progressive enhancement: without scripts the page works with links and forms.
import { MessageActions } from '#js/room/actions/actions.js';
import { ActionKeys } from '#js/room/actions/keys.js';
import { ActionMenu } from '#js/room/actions/menu.js';
import { ActionToolbar } from '#js/room/actions/toolbar.js';
import { Composer } from '#js/room/composer/composer.js';
import { OfflineCache } from '#js/offline/cache.js';
import { NotificationLevel } from '#js/room/notification-level.js';
import { Outbox } from '#js/offline/outbox.js';
import { isDescribedBy, onPage } from '#js/core/page.js';
import { RoomPresence } from '#js/people/presence.js';
import { logElements } from '#js/room/log-elements.js';
import { ScrollPosition } from '#js/room/scroll-position.js';
import { PinCount } from '#js/room/pin-count.js';
import { ReplyPreview } from '#js/room/reply-preview.js';
import { ReadMarker } from '#js/room/read-marker.js';
import { RoomSync } from '#js/room/sync.js';
import { connection, me, sidebar, title } from '#js/core/session.js';
import { Timeline } from '#js/room/timeline.js';

onPage((main, signal) => {
  if (!main.matches('.room')) return;
  const channel = connection.in(main.dataset.room, signal);
  const elements = logElements(main);
  const scroll = new ScrollPosition(elements, signal);
  const replies = new ReplyPreview(elements, channel, scroll);
  const timeline = new Timeline(main, elements, me, scroll, replies);
  const readMarker = new ReadMarker(main, elements, channel, timeline, scroll, sidebar, signal);
  const outbox = new Outbox(main.dataset.room, me, channel);
  const people = new RoomPresence({ link: main.querySelector('.people a'), typing: main.querySelector('#typing') }, channel, me);
  const form = main.querySelector('#composer');
  const composer = form && new Composer(form, outbox, people, Number(main.dataset.max), {
    channel, me, room: main.dataset.room, main, list: elements.list, signal,
  });
  const actions = new MessageActions(main, { list: elements.list, dialog: main.querySelector('#ask') }, channel, me, { readMarker, composer });
  const menu = new ActionMenu(actions, main.querySelector('#acts'));
  new ActionToolbar(actions, menu);
  new ActionKeys(actions, menu);
  new NotificationLevel(main.querySelector('#level'), channel, sidebar, main, signal);
  const offline = new OfflineCache(me, main);
  const pins = new PinCount({ link: main.querySelector('.pins'), menuLink: main.querySelector('.pins-too'), list: elements.list }, channel);
  new RoomSync(main, signal, { me, channel, scroll, timeline, outbox, people, readMarker, sidebar, title, offline, pins }).start();
  isDescribedBy(() => scroll.described(), signal);
});
