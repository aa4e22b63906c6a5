// Swiping a message towards the end of its line starts a reply. Vertical movement scrolls.

// How far a swipe must go to reply, and how far the message follows the finger at most; in pixels.
const FAR = 56;
const MOST = 80;

export class SwipeToReply {
  #actions; #from = null;

  constructor(actions) {
    this.#actions = actions;
    const { list } = actions;
    list.addEventListener('touchstart', (event) => this.#begin(event), { passive: true });
    list.addEventListener('touchmove', (event) => this.#move(event), { passive: false });
    list.addEventListener('touchend', () => this.#end());
    list.addEventListener('touchcancel', () => this.#drop());
  }

  #begin(event) {
    this.#drop();
    const node = event.touches.length === 1 && event.target.closest('.message:not([data-nonce])');
    // Elements that scroll sideways are not swiped.
    if (!node || event.target.closest('pre, table, button') || !this.#actions.offered(node).some(({ name }) => name === 'reply')) return;
    const [{ clientX: x, clientY: y }] = event.touches;
    this.#from = { node, x, y, way: getComputedStyle(node).direction === 'rtl' ? -1 : 1, far: 0, isSwipe: false };
  }

  #move(event) {
    const from = this.#from;
    if (!from) return;
    const [{ clientX, clientY }] = event.touches;
    const across = (clientX - from.x) * from.way;
    if (!from.isSwipe) {
      if (Math.abs(clientY - from.y) > 10 || across < -10) return this.#drop();
      if (across < 12 || across < 2 * Math.abs(clientY - from.y)) return;
      from.isSwipe = true;
      from.node.classList.add('message--swiped');
    }
    if (event.cancelable) event.preventDefault();
    from.far = Math.max(0, Math.min(MOST, across));
    from.node.style.translate = `${from.far * from.way}px`;
    from.node.classList.toggle('message--answers', from.far >= FAR);
  }

  #end() {
    const from = this.#from;
    this.#drop();
    if (from?.isSwipe && from.far >= FAR) this.#actions.do('reply', from.node);
  }

  #drop() {
    if (!this.#from) return;
    const { node } = this.#from;
    this.#from = null;
    node.style.translate = '';
    node.classList.remove('message--swiped', 'message--answers');
  }
}
