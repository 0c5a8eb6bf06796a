// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
// Line charts as SVG, without axes: the value is always written next to them, and in their label.
'use strict';

const Charts = {
  points: 90,

  // One or two series of numbers, of which null is a gap, from 0 to `most` (or their own maximum).
  draw(svg, label, most, ...series) {
    const width = 100, height = 30, svgNS = 'http://www.w3.org/2000/svg';
    const top = most || Math.max(1, ...series.flat().filter(value => value != null)) * 1.1;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
    svg.replaceChildren();
    series.forEach((values, index) => {
      const shown = values.slice(-Charts.points);
      const x = number => (width * (number + Charts.points - shown.length) / (Charts.points - 1)).toFixed(2);
      const y = value => (height - 1 - (height - 2) * Math.min(1, value / top)).toFixed(2);
      let line = '', area = '', from = null;
      shown.forEach((value, number) => {
        if (value == null) {
          if (from != null) area += `L${x(number - 1)},${height}Z`;
          from = null;
          return;
        }
        line += `${from == null ? 'M' : 'L'}${x(number)},${y(value)}`;
        area += from == null ? `M${x(number)},${height}L${x(number)},${y(value)}` : `L${x(number)},${y(value)}`;
        if (from == null) from = number;
      });
      if (from != null) area += `L${x(shown.length - 1)},${height}Z`;
      const add = (kind, d) => {
        const path = document.createElementNS(svgNS, 'path');
        path.setAttribute('class', kind + (index ? ' second' : ''));
        path.setAttribute('d', d);
        svg.append(path);
      };
      if (!index && area) add('area', area);
      if (line) add('line', line);
    });
  },
};
