// What a message answers, in one line over it; and the way there and back.
import { make } from '#js/make.js';
import { shown as called } from '#js/people-live.js';

const EXCERPT = 140;
// How long the way back is offered, in milliseconds.
const OFFERED = 10_000;

export class Quotes {
  #line; #place;
  #list = document.querySelector('#messages');
  #back = document.querySelector('#back');
  #asked = new Map();
  #from = null; #leaving;

  constructor(line, place) {
    this.#line = line;
    this.#place = place;
    this.#list.addEventListener('click', (event) => this.#jump(event));
    this.#back.addEventListener('click', () => this.#return());
    place.addEventListener('moved', () => this.#look());
  }

  // Puts the answered words over an answer: as they stand on the page, or as the server has them.
  async fill(node) {
    const quote = node.querySelector('.answers[data-to]');
    if (!quote) return;
    const seq = Number(quote.dataset.to);
    const shown = document.getElementById(`m${seq}`);
    if (shown) say(quote, [...shown.querySelectorAll('.by, .at')].map((part) => part.textContent).join(' '), words(shown));
    else if (!quote.querySelector('.answers-by')) {
      const answered = await this.#ask(seq);
      if (answered) say(quote, called(answered.author), answered.deleted_at ? '' : plain(answered.html));
    }
  }

  // Words changed: so do the lines that quote them.
  changed(message) {
    this.#asked.delete(message.seq);
    for (const quote of this.#list.querySelectorAll(`.answers[data-to="${message.seq}"]`)) say(quote, called(message.author), message.deleted_at ? '' : plain(message.html));
  }

  #ask(seq) {
    if (!this.#asked.has(seq)) {
      this.#asked.set(seq, this.#line.ask('history', { around: seq, limit: 1 }).then((answer) => {
        if (!answer.ok) this.#asked.delete(seq);
        return answer.messages?.find((message) => message.seq === seq);
      }));
    }
    return this.#asked.get(seq);
  }

  // To the answered message where it is on the page, and elsewhere by its permalink.
  #jump(event) {
    const quote = event.target.closest('.answers[data-to]');
    const target = quote && document.getElementById(`m${quote.dataset.to}`);
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const answer = quote.closest('.message');
    this.#from = { answer, offset: this.#place.offset(answer) };
    this.#place.to(target);
    target.focus({ preventScroll: true });
    this.#back.hidden = false;
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => { this.#back.hidden = true; }, OFFERED);
  }

  // Nobody needs a way back to what they see, or once they have gone on to the end.
  #look() {
    if (this.#back.hidden) return;
    const answer = this.#from?.answer;
    const isSeen = answer?.isConnected && this.#place.sees(answer);
    if (isSeen || this.#place.isAtEnd) this.#back.hidden = true;
  }

  #return() {
    this.#back.hidden = true;
    if (!this.#from?.answer.isConnected) return;
    this.#place.restore(this.#from.answer, this.#from.offset);
    this.#from.answer.focus({ preventScroll: true });
    this.#from = null;
  }
}

// A message in the page, in one line.
export function words(node) { return node.hasAttribute('data-gone') ? '' : node.querySelector('.body')?.textContent.trim().replace(/\s+/g, ' ').slice(0, EXCERPT) ?? ''; }

const plain = (html) => new DOMParser().parseFromString(html, 'text/html').body.textContent.trim().replace(/\s+/g, ' ').slice(0, EXCERPT);

function say(quote, name, text) {
  quote.replaceChildren(make('span', 'answers-by', name ?? ''), ' ', make('span', text ? 'answers-words' : 'answers-words gone', text || 'Deleted message'));
}
