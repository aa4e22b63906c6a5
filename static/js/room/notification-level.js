// The room's notification level: the menu in its header, sent over the connection.
import { announce } from '#js/core/announce.js';
import { menu } from '#js/core/details-menu.js';

const SAID = { all: 'Notifying you about all messages', mentions: 'Notifying you about mentions only', muted: 'Room muted', '': 'Using your default notifications' };
const ICONS = { all: 'loud', muted: 'muted' };

export class NotificationLevel {
  #details;

  constructor(details, channel, sidebar, main, signal) {
    this.#details = details;
    if (!this.#details) return;
    this.#details.addEventListener('submit', async (event) => {
      if (!channel.isUp) return;
      event.preventDefault();
      const level = event.submitter.value;
      const answer = await channel.ask('level', { level: level || null });
      this.#details.open = false;
      this.#details.querySelector('summary').focus();
      if (!answer.ok) return announce(answer.error.message, { isShown: true });
      sidebar.level(main.dataset.room, answer.level);
      announce(level === 'muted' && sidebar.isDirect(main.dataset.room) ? 'Conversation muted' : SAID[level], { isShown: true });
    });
    sidebar.addEventListener('level', ({ detail }) => { if (detail.room === main.dataset.room) this.#show(detail.level); }, { signal });
    menu(this.#details, signal);
  }

  #show(level) {
    const summary = this.#details.querySelector('summary');
    for (const choice of this.#details.querySelectorAll('[name=level]')) {
      const isChosen = choice.value === (level ?? '');
      choice.ariaPressed = String(isChosen);
      if (isChosen) summary.title = `Notifications: ${choice.textContent}`;
    }
    this.#details.querySelector('.icon:not(.level-more) use').setAttribute('href', `#i-${ICONS[level] ?? 'bell'}`);
  }
}
