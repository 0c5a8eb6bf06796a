// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
// A small terminal: lines, the cursor, and the escapes that a boot loader, a kernel and a shell send. Not a full VT100: colors and
// scroll regions are ignored.
'use strict';

class Terminal {
  constructor(screen, send) {
    this.screen = screen;
    this.send = send;
    this.decoder = new TextDecoder();
    this.encoder = new TextEncoder();
    this.clear();
    screen.addEventListener('keydown', event => this.key(event));
    screen.addEventListener('paste', event => {
      event.preventDefault();
      this.type(event.clipboardData.getData('text').replace(/\r?\n/g, '\r'));
    });
  }

  clear() {
    this.lines = [''];
    this.row = this.column = 0;
    this.top = 0;                // the row of the screen's first line
    this.pending = '';
    this.draw();
  }

  // Strings of bytes, one for each character, are what travels.
  write(bytes) {
    let text = this.pending + this.decoder.decode(Uint8Array.from(bytes, c => c.charCodeAt(0)), { stream: true });
    this.pending = '';
    while (text) {
      const escape = /^\x1b(?:\[([?>=!]?)([\d;]*)[ -\/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+#%].|[^[\]()*+#%])/.exec(text);
      if (escape) {
        if (escape[3] && !escape[1]) this.control(escape[3], escape[2].split(';').map(Number));
        text = text.slice(escape[0].length);
      } else if (text[0] === '\x1b') {
        if (text.length > 200) text = text.slice(1);
        else { this.pending = text; break; }
      } else {
        this.put(text[0]);
        text = text.slice(1);
      }
    }
    this.draw();
  }

  put(character) {
    const code = character.charCodeAt(0);
    if (character === '\n') this.down();
    else if (character === '\r') this.column = 0;
    else if (character === '\b') this.column = Math.max(0, this.column - 1);
    else if (character === '\t') this.column = (this.column >> 3) + 1 << 3;
    else if (code >= 32 && code !== 127) {
      if (this.column >= 200) { this.down(); this.column = 0; }
      const line = this.lines[this.row].padEnd(this.column);
      this.lines[this.row] = line.slice(0, this.column) + character + line.slice(this.column + 1);
      this.column++;
    }
  }

  down() {
    this.row++;
    if (this.row === this.lines.length) this.lines.push('');
    this.top = Math.max(this.top, this.row - 23);
    const over = this.lines.length - 1000;
    if (over > 0) { this.lines.splice(0, over); this.row -= over; this.top = Math.max(0, this.top - over); }
  }

  go(row, column) {
    this.row = Math.min(this.top + 23, Math.max(this.top, row));
    this.column = Math.min(199, Math.max(0, column));
    while (this.lines.length <= this.row) this.lines.push('');
  }

  control(command, [first, second]) {
    const many = first || 1;
    if (command === 'A') this.go(this.row - many, this.column);
    else if (command === 'B') this.go(this.row + many, this.column);
    else if (command === 'C') this.go(this.row, this.column + many);
    else if (command === 'D') this.go(this.row, this.column - many);
    else if (command === 'G') this.go(this.row, many - 1);
    else if (command === 'd') this.go(this.top + many - 1, this.column);
    else if (command === 'H' || command === 'f') this.go(this.top + many - 1, (second || 1) - 1);
    else if (command === 'K') {
      const line = this.lines[this.row];
      this.lines[this.row] = first === 1 ? ' '.repeat(this.column) + line.slice(this.column) : first === 2 ? ''
        : line.slice(0, this.column);
    } else if (command === 'J') {
      if (first === 2 || first === 3) {       // a new screen below what was there
        this.top = this.row = this.lines.length;
        this.column = 0;
        this.lines.push('');
      } else if (!first) {
        this.lines[this.row] = this.lines[this.row].slice(0, this.column);
        this.lines.length = this.row + 1;
      }
    } else if (command === 'P') {
      const line = this.lines[this.row];
      this.lines[this.row] = line.slice(0, this.column) + line.slice(this.column + many);
    } else if (command === 'n' && first === 6) {
      this.type(`\x1b[${this.row - this.top + 1};${this.column + 1}R`);
    }
  }

  draw() {
    const before = this.lines.slice(0, this.row), after = this.lines.slice(this.row + 1);
    const line = this.lines[this.row].padEnd(this.column + 1);
    const cursor = document.createElement('span');
    cursor.className = 'cursor';
    cursor.textContent = line[this.column];
    this.screen.replaceChildren(before.map(text => text + '\n').join('') + line.slice(0, this.column), cursor,
      line.slice(this.column + 1) + after.map(text => '\n' + text).join(''));
    this.screen.scrollTop = this.screen.scrollHeight;
  }

  type(text) {
    this.send(String.fromCharCode(...this.encoder.encode(text)));
  }

  key(event) {
    if (event.metaKey || event.altKey || event.isComposing) return;
    const special = { Enter: '\r', Backspace: '\x7f', Tab: '\t', Escape: '\x1b', ArrowUp: '\x1b[A', ArrowDown: '\x1b[B',
      ArrowRight: '\x1b[C', ArrowLeft: '\x1b[D', Home: '\x1b[H', End: '\x1b[F', Delete: '\x1b[3~', PageUp: '\x1b[5~',
      PageDown: '\x1b[6~' };
    let text = special[event.key];
    if (event.key === 'Tab' && event.shiftKey) return;               // the way out, for who uses no mouse
    if (event.ctrlKey) {
      if (event.shiftKey || !/^[a-z@[\\\]^_]$/.test(event.key) || event.key === 'v') return;
      text = String.fromCharCode(event.key.toUpperCase().charCodeAt(0) & 31);
    } else if (event.key.length === 1) text = event.key;
    if (text === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.type(text);
  }
}
