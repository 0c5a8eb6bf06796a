// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
// The page: what the server tells becomes text and charts. Names come from outside, so all of them go through textContent.
'use strict';

const byId = id => document.getElementById(id);
const hosts = new Map();
let socket, terminal, consoleOf, delay = 500;

// --- The connection

function connect() {
  const key = encodeURIComponent(location.hash.slice(1));
  socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/live?key=${key}`);
  socket.onopen = () => { say('live', true); delay = 500; forget(); };
  socket.onmessage = event => {
    const message = JSON.parse(event.data);
    if (receive[message.type]) receive[message.type](message);
  };
  socket.onclose = () => {
    say(location.hash ? 'not connected; trying again' : 'the address of this page lacks the key that the program printed', false);
    if (byId('console').open) byId('console-state').textContent = 'the connection was lost';
    setTimeout(connect, delay);
    delay = Math.min(10000, 2 * delay);
  };
}

function say(text, live) {
  byId('status').textContent = text;
  byId('status').className = live ? 'live' : '';
}

function send(request) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request));
}

// The server tells everything from the beginning.
function forget() {
  hosts.clear();
  byId('hosts').replaceChildren();
  byId('events').replaceChildren();
}

// --- What the server tells

const receive = {
  host(message) {
    const host = hosts.get(message.host) || newHost(message.host);
    Object.assign(host, { up: message.up, readonly: message.readonly, title: message.name || message.title, info: message });
    const version = message.up ? [message.driver, `${message.cpus} CPUs`, amount(1024 * message.memory),
      message.readonly ? 'read-only' : '', message.title] : [message.why, message.title];
    host.section.classList.toggle('down', !message.up);
    host.section.querySelector('.title').textContent = host.title;
    host.section.querySelector('.facts').textContent = version.filter(Boolean).join(' · ');
    if (!message.up) for (const domain of host.domains.values()) actions(host, domain);
    summary();
  },

  sample(message) {
    const host = hosts.get(message.host);
    const seen = new Set(), sum = { read: null, written: null, rx: null, tx: null };
    for (const row of message.domains) {
      seen.add(row.uuid);
      const domain = host.domains.get(row.uuid) || newDomain(host, row.uuid);
      Object.assign(domain.row, row);
      for (const what of Object.keys(domain.past)) remember(domain.past[what], row[what]);
      for (const what of Object.keys(sum)) if (row[what] != null) sum[what] += row[what];
    }
    for (const [uuid, domain] of host.domains) if (!seen.has(uuid)) { domain.line.remove(); host.domains.delete(uuid); }
    remember(host.past.cpu, message.cpu);
    remember(host.past.memory, message.memory);
    for (const what of Object.keys(sum)) remember(host.past[what], sum[what]);
    host.dirty = true;
    requestAnimationFrame(draw);
  },

  event(message) {
    const list = byId('events'), item = document.createElement('li'), time = document.createElement('time');
    const when = new Date(1000 * message.time);
    time.dateTime = when.toISOString();
    time.textContent = `${when.toLocaleTimeString()} · ${hosts.get(message.host).title}`;
    const name = document.createElement('b');
    name.textContent = message.name;
    item.append(time, name, ` ${message.what}${message.why ? ` (${message.why})` : ''}`);
    item.dataset.time = message.time;
    list.insertBefore(item, [...list.children].find(other => Number(other.dataset.time) <= message.time) || null);
    while (list.children.length > 100) list.lastChild.remove();
  },

  job(message) {
    const host = hosts.get(message.host), domain = host && host.domains.get(message.uuid);
    if (!domain) return;
    domain.job = message.over ? null : message;
    actions(host, domain);
  },

  refused(message) { notice(message.text); },

  console(message) {
    if (message.uuid !== consoleOf) return;
    if (message.open) byId('console-state').textContent = 'connected; Shift+Tab leaves the screen';
    if (message.data) terminal.write(message.data);
    if (message.closed) byId('console-state').textContent = message.closed;
  },
};

function remember(list, value) {
  list.push(value === undefined ? null : value);
  if (list.length > Charts.points) list.shift();
}

// --- Rows

function fromTemplate(id) { return byId(id).content.firstElementChild.cloneNode(true); }

function newHost(id) {
  const host = { id, section: fromTemplate('host-template'), domains: new Map(),
    past: { cpu: [], memory: [], read: [], written: [], rx: [], tx: [] } };
  hosts.set(id, host);
  byId('hosts').append(host.section);
  return host;
}

function newDomain(host, uuid) {
  const domain = { row: { uuid }, line: fromTemplate('domain-template'),
    past: { cpu: [], used: [], memory: [], read: [], written: [], rx: [], tx: [] } };
  host.domains.set(uuid, domain);
  host.section.querySelector('tbody').append(domain.line);
  return domain;
}

function amount(bytes) {
  if (bytes == null) return '–';
  let unit = 0;
  while (bytes >= 1000 && unit < 4) { bytes /= 1024; unit++; }
  return `${bytes < 10 && unit ? bytes.toFixed(1) : Math.round(bytes)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}
const rate = bytes => bytes == null ? '–' : `${amount(bytes)}/s`;
const percent = value => value == null ? '–' : `${Math.round(value)} %`;
const pair = (one, other) => one == null && other == null ? '–' : `${rate(one)}\n${rate(other)}`;
const last = list => list.length ? list[list.length - 1] : null;

function chart(place, name, text, most, ...series) {
  const value = place.querySelector('b') || place.querySelector('span');
  value.textContent = place.tagName === 'TD' ? text : text.replace('\n', ' · ');
  Charts.draw(place.querySelector('svg'), `${name}: ${text.replace('\n', ' and ')}`, most, ...series);
}

function draw() {
  for (const host of hosts.values()) {
    if (!host.dirty) continue;
    host.dirty = false;
    const past = host.past, find = kind => host.section.querySelector(`.gauge.${kind}`);
    chart(find('cpu'), 'CPU', percent(last(past.cpu)), 100, past.cpu);
    chart(find('memory'), 'Memory given to domains', percent(last(past.memory)), 100, past.memory);
    chart(find('disk'), 'Disk, read and written', pair(last(past.read), last(past.written)), 0, past.read, past.written);
    chart(find('net'), 'Network, in and out', pair(last(past.rx), last(past.tx)), 0, past.rx, past.tx);
    for (const domain of host.domains.values()) drawDomain(host, domain);
    empty(host);
  }
  summary();
}

function drawDomain(host, { line, row, past, ...more }) {
  line.querySelector('.name').textContent = row.name;
  const state = line.querySelector('.state');
  state.textContent = row.state;
  state.className = `state ${row.state.replace(/[^a-z]/g, '')}`;
  const cell = kind => line.querySelector(`td.${kind}`);
  const memory = row.used == null ? amount(row.memory && 1024 * row.memory)
    : `${amount(1024 * row.used)} of ${amount(1024 * row.memory)}`;
  chart(cell('cpu'), 'CPU', row.cpu == null ? '–' : `${percent(row.cpu)} of ${row.vcpus}`, 100, past.cpu);
  chart(cell('memory'), 'Memory', memory, row.memory, row.active ? (row.used == null ? past.memory : past.used) : []);
  chart(cell('disk'), 'Disk, read and written', pair(row.read, row.written), 0, past.read, past.written);
  chart(cell('net'), 'Network, in and out', pair(row.rx, row.tx), 0, past.rx, past.tx);
  actions(host, host.domains.get(row.uuid));
}

// A host without domains says so.
function empty(host) {
  const row = host.section.querySelector('.none');
  if (host.domains.size ? row : !row) {
    if (row) row.remove();
    else host.section.querySelector('tbody').append(fromTemplate('none-template'));
  }
}

function summary() {
  let running = 0, all = 0;
  for (const host of hosts.values()) for (const { row } of host.domains.values()) { all++; running += row.state === 'running'; }
  const up = [...hosts.values()].filter(host => host.up).length;
  byId('summary').textContent = `${up} of ${hosts.size} hosts, ${running} of ${all} domains running`;
}

// --- Actions

// The actions, by state; a button keeps its place in the document as long as the list stays, and with it the focus.
function actions(host, domain) {
  const { row, line } = domain, cell = line.querySelector('.actions');
  const others = [...hosts.values()].filter(other => other !== host && other.up);
  const names = !host.up || host.readonly ? [] : domain.job ? ['job']
    : !row.active ? ['start']
    : [row.state === 'paused' ? 'resume' : 'suspend', 'shutdown', 'reboot', 'off', ...(others.length ? ['migrate'] : []), 'console'];
  const list = names.join();
  if (domain.shown !== list) {
    domain.shown = list;
    cell.replaceChildren(...names.map(name => name === 'job' ? jobOf(host, domain) : button(host, domain, name)));
  }
  if (domain.job) {
    cell.querySelector('progress').value = domain.job.percent;
    cell.querySelector('small').textContent = `${Math.round(domain.job.percent)} %, ${domain.job.detail}`;
  }
}

const label = { start: 'Start', shutdown: 'Shut down', reboot: 'Reboot', off: 'Off', suspend: 'Pause', resume: 'Resume',
  migrate: 'Migrate', console: 'Console', abort: 'Abort' };
const dangerous = { shutdown: 'The guest is asked to end.', reboot: 'The guest is asked to restart.',
  off: 'As if the plug was pulled: the guest may lose data.' };

function button(host, domain, name) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = label[name];
  element.setAttribute('aria-label', `${label[name]}: ${domain.row.name}`);
  element.addEventListener('click', () => choose(host, domain, name));
  return element;
}

function jobOf(host, domain) {
  const place = document.createElement('div'), bar = document.createElement('progress'), text = document.createElement('small');
  place.className = 'job';
  bar.max = 100;
  bar.setAttribute('aria-label', `Migration of ${domain.row.name}`);
  place.append(bar, button(host, domain, 'abort'), text);
  return place;
}

async function choose(host, domain, name) {
  const request = { do: name, host: host.id, uuid: domain.row.uuid };
  if (name === 'console') return openConsole(host, domain);
  if (name === 'migrate') {
    const others = [...hosts.values()].filter(other => other !== host && other.up);
    request.to = await ask(`Migrate ${domain.row.name}`, 'The guest goes on running while its memory is copied.', 'Migrate', others);
    if (request.to === null) return undefined;
  } else if (dangerous[name] && await ask(`${label[name]} ${domain.row.name}?`, dangerous[name], label[name]) === null) {
    return undefined;
  }
  return send(request);
}

// A question; null if the answer is no.
function ask(question, consequence, yes, targets) {
  const dialog = byId('ask'), select = byId('target');
  byId('question').textContent = question;
  byId('consequence').textContent = consequence;
  byId('yes').textContent = yes;
  byId('choice').hidden = !targets;
  select.replaceChildren(...(targets || []).map(host => new Option(host.title, host.id)));
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close',
    () => resolve(dialog.returnValue === 'yes' ? Number(select.value || 0) : null), { once: true }));
}

function notice(text) {
  const place = document.createElement('div'), close = document.createElement('button');
  place.className = 'notice';
  close.textContent = 'Dismiss';
  close.addEventListener('click', () => place.remove());
  place.append(text, close);
  byId('notices').append(place);
  while (byId('notices').children.length > 4) byId('notices').firstChild.remove();
}

// --- The console

function openConsole(host, domain) {
  terminal = terminal || new Terminal(byId('screen'), data => send({ do: 'console-input', host: host.id, data }));
  terminal.send = data => send({ do: 'console-input', host: host.id, data });
  terminal.clear();
  consoleOf = domain.row.uuid;
  byId('console-title').textContent = `Console of ${domain.row.name}`;
  byId('console-state').textContent = 'connecting';
  byId('console').showModal();
  byId('screen').focus();
  byId('console').onclose = () => { consoleOf = null; send({ do: 'console-close', host: host.id }); };
  send({ do: 'console-open', host: host.id, uuid: domain.row.uuid });
}

addEventListener('hashchange', () => socket.close());
connect();
