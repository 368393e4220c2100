'use strict';
// Draws the report of one run, or of several: reads their JSON, which stands in the page, and makes everything else.
(() => {
  const runs = [].concat(JSON.parse(document.getElementById('run').textContent));
  const several = runs.length > 1;
  let run = runs[0];                              // the one that is drawn now,
  let main = document.getElementById('main');     // and where
  const drawings = [], charts = [], hidden = new Set();

  // --- words and numbers
  const significant = (v) => v === 0 ? '0' : Math.abs(v) >= 999.5 ? Math.round(v).toLocaleString('en')
    : Number(v.toPrecision(3)).toString();
  const scaled = (v, steps) => {
    const [factor, unit] = steps.find(([f]) => Math.abs(v) < 999.5 * f) || steps[steps.length - 1];
    return significant(v / factor) + ' ' + unit;
  };
  const text = {
    rate: (v) => significant(v) + '/s',
    seconds: (v) => scaled(v, [[1e-9, 'ns'], [1e-6, 'us'], [1e-3, 'ms'], [1, 's']]),
    bytes: (v) => scaled(v, [[1, 'B'], [1024, 'KiB'], [1048576, 'MiB'], [1073741824, 'GiB']]),
    plain: significant,
  };
  const plural = (n, what) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

  // --- elements
  const add = (parent, tag, attributes = {}, content = '') => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (content !== '') element.textContent = content;
    parent.append(element);
    return element;
  };
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A card with a canvas of that height.
  const plot = (cards, title, height, config, note) => {
    const card = add(cards, 'section', {class: 'card'});
    if (title) add(card, 'h3', {}, title);
    const box = add(card, 'div', {class: 'plot', style: `height:${height}px`});
    const canvas = add(box, 'canvas', {role: 'img', 'aria-label': title});
    if (note) add(card, 'p', {class: 'note'}, note);
    drawings.push({canvas, config});
    return card;
  };
  // Only when the page is laid out: a card is narrower once there is another beside it.
  const draw = () => {
    for (const {canvas, config, rows} of drawings) charts.push(Object.assign(new Chart(canvas, config), {rows}));
  };

  // --- colours: the same for a server in every chart
  const servers = [...new Set(runs.flatMap((each) => each.cells ? each.options.servers : []))];
  const colour = (name) => {
    const at = Math.max(0, servers.indexOf(name));
    return `hsl(${(at * 137.5 + 210) % 360} ${at % 2 ? 55 : 70}% ${[45, 55, 38][at % 3]}%)`;
  };
  const marks = ['circle', 'rect', 'triangle', 'rectRot', 'star', 'crossRot'];

  // From the lowest round to the highest, across the end of a bar or through a point.
  const spread = {
    id: 'spread',
    afterDatasetsDraw(chart) {
      const {ctx} = chart;
      chart.data.datasets.forEach((set, index) => {
        if (!set.spread || !chart.isDatasetVisible(index)) return;
        const meta = chart.getDatasetMeta(index), flat = chart.options.indexAxis === 'y';
        const scale = meta.vScale || (flat ? chart.scales.x : chart.scales.y);
        ctx.save();
        ctx.strokeStyle = flat ? style('--ink') : set.borderColor;
        ctx.lineWidth = 1.2;
        meta.data.forEach((point, i) => {
          const range = set.spread[i];
          if (!range || range[0] === range[1]) return;
          const [low, high] = range.map((v) => scale.getPixelForValue(v));
          ctx.beginPath();
          if (flat) {
            ctx.moveTo(low, point.y); ctx.lineTo(high, point.y);
            for (const x of [low, high]) { ctx.moveTo(x, point.y - 4); ctx.lineTo(x, point.y + 4); }
          } else {
            ctx.moveTo(point.x, low); ctx.lineTo(point.x, high);
          }
          ctx.stroke();
        });
        ctx.restore();
      });
    },
  };
  Chart.register(spread);
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.plugins.legend.display = false;
  Chart.defaults.font.family = 'system-ui, sans-serif';

  const axis = (title, format, more = {}) => ({
    title: {display: true, text: title},
    grid: {color: () => style('--line')},
    ticks: {callback: (v) => format(v), maxRotation: 0, autoSkipPadding: 12},
    ...more,
  });
  // A logarithmic axis is labelled at 1, 2 and 5.
  const logarithmic = (title, format) => axis(title, format, {
    type: 'logarithmic',
    ticks: {
      maxRotation: 0, autoSkip: true, autoSkipPadding: 14,
      callback: (v) => [1, 2, 5].includes(Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9))) ? format(v) : null,
    },
  });
  const tooltip = (line) => ({callbacks: {label: (item) => line(item)}});

  // Sorted bars; each row is {label, server, value, low, high, mark}.
  const bars = (cards, title, rows, format, axisTitle, note, before) => {
    if (rows.length === 0) return;
    const config = {
      type: 'bar',
      data: {
        labels: rows.map((r) => r.label + (r.mark || '')),
        datasets: [{
          data: rows.map((r) => r.value), spread: rows.map((r) => [r.low, r.high]),
          backgroundColor: rows.map((r) => colour(r.server)), maxBarThickness: 22, servers: rows.map((r) => r.server),
        }],
      },
      options: {
        indexAxis: 'y',
        scales: {
          x: axis(axisTitle, format, {beginAtZero: true, suggestedMax: Math.max(...rows.map((r) => r.high)),
            ...(format === text.bytes && {ticks: {maxRotation: 0, callback: format, stepSize: 2 ** Math.floor(Math.log2(Math.max(...rows.map((r) => r.high)) / 3))}})}),
          y: {ticks: {autoSkip: false, font: {size: 12}}, grid: {display: false}},
        },
        plugins: {
          tooltip: tooltip((item) => {
            const row = rows[item.dataIndex] || {};
            return `${format(item.raw)}  (${format(row.low)} to ${format(row.high)})`;
          }),
        },
      },
    };
    const card = plot(cards, title, 70 + 26 * rows.length, config, note);
    if (before) card.insertBefore(before, card.querySelector('.plot'));
    drawings.at(-1).rows = rows;
  };

  const lines = (cards, title, sets, xAxis, yAxis, format, note, xFormat = significant) => {
    if (!sets.some((set) => set.data.length > 0)) return;
    plot(cards, title, 320, {
      type: 'line',
      data: {
        datasets: sets.map((set, i) => ({
          borderColor: colour(set.label), backgroundColor: colour(set.label), borderWidth: i === 0 ? 3 : 1.6,
          pointStyle: marks[i % marks.length], pointRadius: 3, tension: 0, spanGaps: true, ...set,
        })),
      },
      options: {
        interaction: {mode: 'nearest', intersect: false},
        scales: {x: xAxis, y: yAxis},
        plugins: {
          tooltip: {callbacks: {
            title: (items) => items.length ? xFormat(items[0].parsed.x) : '',
            label: (item) => `${item.dataset.label}: ${format(item.parsed.y)}`,
          }},
        },
      },
    }, note);
  };

  const highest = (sets) => Math.max(0, ...sets.flatMap((set) => set.spread.map(([, high]) => high)));
  const lowest = (sets) => Math.min(...sets.flatMap((set) => set.spread.map(([low]) => low)));

  // --- the head, common to both kinds of run
  const head = (title) => {
    document.title = `switchboard-bench: ${several ? plural(runs.length, 'run') : title}`;
    const e = run.environment;
    add(main, 'h1', {}, title);
    add(main, 'p', {class: 'facts'}, [e.date, `commit ${e.commit}`, e.cpu, `${e.cpus} CPUs`, e.kernel, e.build_type]
      .filter(Boolean).join(' · '));
    add(add(main, 'p', {class: 'facts'}), 'code', {}, run.command_line);
    if (run.interrupted) add(main, 'p', {class: 'answer'}, 'Interrupted: not all rounds were run.');
  };
  const table = (parent, header, rows, kind = '') => {
    const element = add(add(parent, 'div', {class: 'scroll'}), 'table', {class: kind});
    if (header) {
      const line = add(add(element, 'thead'), 'tr');
      header.forEach((cell) => add(line, 'th', {}, cell));
    }
    const body = add(element, 'tbody');
    for (const row of rows) {
      const line = add(body, 'tr');
      row.forEach((cell) => add(line, 'td', {}, String(cell)));
    }
  };
  const environment = () => {
    const details = add(add(main, 'section', {class: 'card', style: 'margin-top:1.5rem'}), 'details');
    add(details, 'summary', {}, 'Environment');
    table(details, null, Object.entries(run.environment), 'env');
  };

  // --- one legend for all charts of the page
  const legend = (names) => {
    const bar = add(main, 'nav', {class: 'legend', 'aria-label': 'Servers to show'});
    for (const name of names) {
      const button = add(bar, 'button', {type: 'button', 'aria-pressed': 'true', title: 'show or hide'});
      add(button, 'i', {style: `background:${colour(name)}`});
      button.append(name);
      button.addEventListener('click', () => {
        hidden[hidden.has(name) ? 'delete' : 'add'](name);
        button.setAttribute('aria-pressed', String(!hidden.has(name)));
        charts.forEach(apply);
      });
    }
  };
  const apply = (chart) => {
    if (chart.rows) {
      const rows = chart.allRows || (chart.allRows = chart.rows.slice());
      const shown = rows.filter((r) => !hidden.has(r.server));
      chart.rows.splice(0, chart.rows.length, ...shown);
      const [set] = chart.data.datasets;
      chart.data.labels = shown.map((r) => r.label + (r.mark || ''));
      set.data = shown.map((r) => r.value);
      set.spread = shown.map((r) => [r.low, r.high]);
      set.backgroundColor = shown.map((r) => colour(r.server));
    } else {
      chart.data.datasets.forEach((set, i) => chart.setDatasetVisibility(i, !hidden.has(set.label)));
    }
    chart.update();
  };

  const titleOf = ({cells, options, target}) => cells
    ? `${options.scenario || options.workload}: ${plural(options.servers.length, 'server')} compared`
    : `${options.workload} to ${target}`;

  // --- compare
  const comparison = () => {
    const {options, cells} = run;
    const paced = options.rate !== null;
    const mark = (cell) => !cell.valid ? ' *' : cell.doubts.length ? ' ~' : '';
    const under = (size, connections) => cells.filter((c) => c.size === size && c.connections === connections);
    const row = (cell, metric) => ({
      label: cell.server, server: cell.server, mark: mark(cell), ...(cell[metric] && {
        value: cell[metric].median, low: cell[metric].min, high: cell[metric].max}),
    });
    const ranked = (list, metric, more) => list.filter((c) => c[metric]).map((c) => row(c, metric))
      .sort((a, b) => more ? b.value - a.value : a.value - b.value);

    head(titleOf(run));
    const where = run.cpus.server.length > 1 ? 'the server on all CPUs' :
      run.cpus.server[0] === run.cpus.generator ? 'server and load share one CPU' : 'server and load on a CPU each';
    add(main, 'p', {class: 'facts'}, `${plural(options.rounds, 'round')} of ${options.duration_seconds} s in random ` +
      `order, seed ${options.seed}; ${{unix: 'unix sockets', tls: 'TLS over loopback'}[options.over] || 'TCP over loopback'}; ${where}. ` +
      'Bars and points are medians; whiskers reach from the lowest round to the highest.');
    if (!several) legend(servers);

    add(main, 'h2', {}, paced ? 'Which has the lowest latency' : 'Which is fastest');
    let cards = add(main, 'div', {class: 'cards'});
    for (const {size, connections, text: sentence} of run.summary) {
      const list = under(size, connections);
      const answer = document.createElement('p');
      answer.className = 'answer';
      const metric = paced ? 'p99' : 'throughput';
      const rows = ranked(list, metric, !paced);
      const title = `${plural(connections, 'connection')}, ${size} B`;
      answer.textContent = sentence.replace(`${title}: `, '');
      if (rows.length) bars(cards, title, rows, paced ? text.seconds : text.rate, paced ? 'p99' : 'exchanges a second', '', answer);
      else { const card = add(cards, 'section', {class: 'card'}); add(card, 'h3', {}, title); card.append(answer); }
    }
    const flawed = cells.filter((c) => !c.valid || c.doubts.length);
    if (flawed.length) {
      const details = add(main, 'details', {class: 'note'});
      add(details, 'summary', {}, `* invalid, ~ not certain: ${plural(flawed.length, 'row')}`);
      for (const c of flawed) {
        add(details, 'p', {class: 'note'}, `${c.server}, ${plural(c.connections, 'connection')}, ${c.size} B: ` +
          [...c.reasons, ...c.doubts].map((r) => r.text).join('; '));
      }
    }
    for (const each of run.skipped) add(main, 'p', {class: 'note'}, `Skipped: ${each.server}: ${each.why}`);

    if (options.connections.length > 1) {
      add(main, 'h2', {}, 'Over the number of connections');
      cards = add(main, 'div', {class: 'cards'});
      for (const size of options.sizes) {
        const sets = (metric) => options.servers.map((server) => {
          const list = cells.filter((c) => c.server === server && c.size === size && c.valid && c[metric])
            .sort((a, b) => a.connections - b.connections);
          return {label: server, data: list.map((c) => ({x: c.connections, y: c[metric].median})),
            spread: list.map((c) => [c[metric].min, c[metric].max])};
        });
        lines(cards, `Throughput, ${size} B`, sets('throughput'), logarithmic('connections', significant),
          axis('exchanges a second', significant, {beginAtZero: true, suggestedMax: highest(sets('throughput'))}), text.rate, '', (x) => plural(x, 'connection'));
        lines(cards, `p99 latency, ${size} B`, sets('p99'), logarithmic('connections', significant),
          {...logarithmic('p99', text.seconds), suggestedMin: lowest(sets('p99')), suggestedMax: highest(sets('p99'))},
          text.seconds, '', (x) => plural(x, 'connection'));
      }
    }

    // 100% stands at the end of the axis, where the next power of ten would be.
    const depth = (percent) => 1 / Math.max(1 - percent / 100, 1e-6);
    add(main, 'h2', {}, 'Latency by percentile');
    cards = add(main, 'div', {class: 'cards'});
    for (const {size, connections} of run.summary) {
      const sets = options.servers.map((server) => {
        const cell = under(size, connections).find((c) => c.server === server && c.valid);
        const data = cell ? cell.percentiles.map(([p, s]) => ({x: depth(p), y: s})) : [];
        return {label: server, data};
      });
      lines(cards, `${plural(connections, 'connection')}, ${size} B`, sets, axis('percentile', percentile, {
        type: 'logarithmic', ticks: {maxRotation: 0, autoSkip: false, callback(v) { return percentile(v, this.chart.width < 480); }},
      }), logarithmic('latency', text.seconds), text.seconds, '', (x) => 'p' + significantPercent(x));
    }

    add(main, 'h2', {}, 'What it costs the server');
    cards = add(main, 'div', {class: 'cards'});
    for (const {size, connections} of run.summary) {
      const list = under(size, connections), title = `${plural(connections, 'connection')}, ${size} B`;
      bars(cards, `CPU per exchange: ${title}`, ranked(list, 'cpu', false), text.seconds, 'CPU time, user and system');
      bars(cards, `Memory: ${title}`, ranked(list, 'memory', false), text.bytes, 'memory that the server has written');
    }

    const section = add(main, 'section', {class: 'card', style: 'margin-top:1.5rem'});
    const details = add(section, 'details');
    add(details, 'summary', {}, 'All figures');
    const figure = (cell, metric, format) => cell[metric] ? format(cell[metric].median) : '-';
    table(details, ['server', 'connections', 'size', '#', 'exchanges/s', 'p50', 'p99', 'p99.9', 'max', 'CPU', 'memory',
      'ratio', 'notes'], cells.map((c) => [c.server + mark(c), c.connections, c.size, c.rank ?? '-',
      figure(c, 'throughput', significant), figure(c, 'p50', text.seconds), figure(c, 'p99', text.seconds),
      figure(c, 'p99.9', text.seconds), figure(c, 'max', text.seconds), figure(c, 'cpu', text.seconds),
      figure(c, 'memory', text.bytes), c.throughput_ratio ? significant(c.throughput_ratio.median) : '-',
      [...c.reasons, ...c.doubts].map((r) => r.text).join('; ')]));
    environment();
  };
  const significantPercent = (x) => String(Number((100 * (1 - 1 / x)).toFixed(4)));
  const percentile = (x, narrow) => {
    const known = {2: '50%', 100: '99%', 10000: '99.99%', 1000000: 'max',
      ...(!narrow && {10: '90%', 1000: '99.9%', 100000: '99.999%'})};
    return known[Math.round(x)] ?? null;
  };

  // --- load
  const load = () => {
    const {options, steps} = run;
    const name = (s) => (s.offered_rate ? text.rate(s.offered_rate) + ' offered' : 'closed loop') +
      (options.rounds > 1 ? `, round ${s.round}` : '');
    head(titleOf(run));
    add(main, 'p', {class: 'facts'}, `${plural(options.connections, 'connection')}, ${options.size} B, ` +
      `${options.depth} in flight each, ${options.duration_seconds} s`);
    const cards = add(main, 'div', {class: 'cards', style: 'margin-top:1rem'});
    for (const step of steps) {
      const card = add(cards, 'section', {class: 'card', style: 'grid-column: 1 / -1'});
      add(card, 'h3', {}, name(step));
      const p = step.latency || {};
      add(card, 'p', {class: 'answer'}, `${text.rate(step.throughput)}` +
        (p.p50 ? `, p50 ${text.seconds(p.p50)}` : '') + (p.p99 ? `, p99 ${text.seconds(p.p99)}` : '') +
        (p.max ? `, max ${text.seconds(p.max)}` : ''));
      for (const note of step.notes) add(card, 'p', {class: 'note'}, note);
      if (step.histogram.length) {
        plot(cards, `Latencies: ${name(step)}`, 300, {
          type: 'bar',
          data: {labels: step.histogram.map(([low]) => text.seconds(low)), datasets: [{
            data: step.histogram.map(([, , count]) => count), backgroundColor: colour(''), barPercentage: 1, categoryPercentage: .95,
          }]},
          options: {
            scales: {x: axis('latency', () => '', {ticks: {maxRotation: 0, autoSkipPadding: 16}, grid: {display: false}}),
              y: axis('replies', significant, {beginAtZero: true})},
            plugins: {tooltip: {callbacks: {
              title: (items) => { const [low, high] = step.histogram[items[0].dataIndex]; return `${text.seconds(low)} to ${text.seconds(high)}`; },
              label: (item) => plural(item.raw, 'repl').replace(/repl(s?)$/, (m, s) => s ? 'replies' : 'reply'),
            }}},
          },
        });
      }
    }
    const over = (title, pick, y, format) => lines(cards, title, steps.map((s, i) => ({
      label: name(s), borderColor: `hsl(${(i * 137.5 + 210) % 360} 65% 48%)`, backgroundColor: `hsl(${(i * 137.5 + 210) % 360} 65% 48%)`,
      data: s.intervals.filter((v) => pick(v) !== null).map((v) => ({x: v.at, y: pick(v)})), pointRadius: 0,
    })), axis('seconds', significant, {type: 'linear'}), y, format, '', (x) => text.seconds(x));
    over('Throughput over time', (v) => v.throughput, axis('exchanges a second', significant, {beginAtZero: true}), text.rate);
    over('p99 latency over time', (v) => v.p99, axis('p99', text.seconds, {beginAtZero: true}), text.seconds);
    environment();
  };

  // --- light, dark and paper
  const theme = () => {
    Chart.defaults.color = style('--ink');
    for (const chart of charts) {
      chart.options.color = style('--ink');
      for (const scale of Object.values(chart.options.scales)) {
        (scale.ticks ??= {}).color = style('--ink');
        if (scale.title) scale.title.color = style('--ink');
      }
      chart.update();
    }
  };
  // Each of several runs has a section; the page begins with the answer of each.
  const contents = () => {
    add(main, 'h1', {}, plural(runs.length, 'run'));
    const list = add(main, 'ol');
    runs.forEach((each, i) => {
      const item = add(list, 'li');
      add(item, 'a', {href: `#run-${i}`}, titleOf(each));
      for (const {text: sentence} of each.summary || []) add(item, 'p', {class: 'note'}, sentence);
    });
    if (servers.length) legend(servers);
  };
  if (several) contents();
  const page = main;
  runs.forEach((each, i) => {
    run = each;
    if (several) main = add(page, 'section', {id: `run-${i}`, class: 'run'});
    (run.cells ? comparison : load)();
  });
  draw();
  theme();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', theme);
  matchMedia('print').addEventListener('change', () => { charts.forEach((c) => c.resize()); theme(); });
  document.documentElement.dataset.charts = String(charts.length);
})();
