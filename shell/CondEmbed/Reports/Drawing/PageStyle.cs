namespace CondEmbed.Reports;

/// <summary>Style and script of the pages. Both are part of the page itself: a report is a single file and makes no requests.</summary>
internal static class PageStyle
{
    /// <summary>The style sheet, light and dark, for screens from a phone's width.</summary>
    public const string Css = """
        :root { color-scheme: light dark;
          --page: #f7f7f5; --card: #fff; --ink: #1b1d22; --soft: #62676f; --rule: #e4e4df; --accent: #4150d0; --track: #ececf4;
          --right: #15803d; --wrong: #c62828; --s1: #4150d0; --s2: #d2691e; --s3: #0b8285; --s4: #b0307c; --s5: #64801c; --s6: #6d7280; }
        @media (prefers-color-scheme: dark) { :root {
          --page: #121317; --card: #1b1d22; --ink: #e9e9e6; --soft: #9ca2ab; --rule: #2e3138; --accent: #93a0ff; --track: #2a2d3a;
          --right: #4ade80; --wrong: #ff7b72; --s1: #93a0ff; --s2: #f5a15b; --s3: #4cc9c4; --s4: #f084c0; --s5: #b5cf5f; --s6: #a3a9b4; } }
        * { box-sizing: border-box; }
        @media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; }
        main { max-width: 70rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
        h1, h2, h3, p, ul, ol, dl, figure { margin: 0; padding: 0; }
        h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.15; letter-spacing: -.02em; overflow-wrap: anywhere; }
        h2 { font-size: 1.25rem; letter-spacing: -.01em; margin-bottom: .8rem; }
        h3, h4 { font-size: 1rem; margin: 0; } h4 { margin-bottom: .5rem; }
        section { margin-top: 2.75rem; scroll-margin-top: 1rem; }
        .brand { color: var(--accent); font-weight: 600; font-size: .85rem; margin-bottom: .35rem; }
        .meta, .note, .none { color: var(--soft); font-size: .92rem; }
        .meta { margin-top: .5rem; } .meta span { display: inline-block; } .meta span:not(:last-child)::after { content: "·"; margin: 0 .5em; }
        nav { display: flex; flex-wrap: wrap; gap: .4rem 1.1rem; margin-top: 1.1rem; padding-top: .9rem; border-top: 1px solid var(--rule); font-size: .92rem; }
        a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
        .card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1.1rem 1.25rem; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .9rem; margin-bottom: .9rem; }
        .tile .value { font-size: 2.1rem; font-weight: 650; line-height: 1.2; letter-spacing: -.03em; font-variant-numeric: tabular-nums; }
        .tile .value small { font-size: 1.05rem; font-weight: 500; color: var(--soft); letter-spacing: 0; margin-left: .1em; }
        .tile .name { font-size: .92rem; font-weight: 600; } .tile .note { font-size: .85rem; }
        .up { color: var(--right); font-weight: 600; } .down { color: var(--wrong); font-weight: 600; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { padding: .42rem .6rem; text-align: right; white-space: nowrap; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
        th:last-child, td:last-child { padding-right: 0; }
        thead th { color: var(--soft); font-weight: 500; font-size: .85rem; } tbody tr { border-top: 1px solid var(--rule); } tbody th { font-weight: 500; }
        td.strong { font-weight: 650; } td.wide { width: 38%; }
        .bar { position: relative; height: .6rem; min-width: 5rem; border-radius: 3px; background: var(--track); }
        .bar::before { content: ""; position: absolute; inset: 0 auto 0 0; width: var(--after); border-radius: 3px; background: var(--accent); }
        .bar.marked::after { content: ""; position: absolute; top: -.2rem; bottom: -.2rem; left: calc(var(--before) - 1.5px); width: 3px; border-radius: 2px; background: var(--ink); box-shadow: 0 0 0 1.5px var(--card); }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .9rem; }
        .chart { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: .9rem 1rem .2rem; }
        .chart figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .15rem 1rem; margin-bottom: .5rem; }
        .chart .none { padding: 2rem 0 2.6rem; text-align: center; }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .9rem; font-size: .84rem; color: var(--soft); }
        .legend b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
        .legend svg { width: 18px; height: 8px; margin-right: .35rem; }
        .plain { display: block; width: 100%; height: auto; overflow: visible; }
        .plot { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y; }
        .plot text { fill: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; } .plot .end { text-anchor: end; } .plot .middle { text-anchor: middle; }
        .plot .grid { stroke: var(--rule); } .plot .cursor { stroke: var(--soft); stroke-dasharray: 2 3; visibility: hidden; } .plot .on { visibility: visible; }
        path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        .band { fill: currentColor; stroke: none; opacity: .13; } .plot .zero { stroke: var(--soft); }
        .plot .name { fill: var(--ink); } .gain { color: var(--right); } .loss { color: var(--wrong); } .even { color: var(--soft); }
        .pale { stroke-width: 1; opacity: .3; } circle { fill: currentColor; stroke: var(--card); stroke-width: 1.5; }
        g.s1, .s1 svg { color: var(--s1); } g.s2, .s2 svg { color: var(--s2); } g.s3, .s3 svg { color: var(--s3); }
        g.s4, .s4 svg { color: var(--s4); } g.s5, .s5 svg { color: var(--s5); } g.s6, .s6 svg { color: var(--s6); }
        .s3 path:not(.pale) { stroke-dasharray: 7 4; } .s4 path:not(.pale) { stroke-dasharray: 2 4; } .s5 path:not(.pale) { stroke-dasharray: 9 3 2 3; }
        .readout { min-height: 1.5em; font-size: .8rem; color: var(--soft); font-variant-numeric: tabular-nums; text-align: right; }
        .warning { color: var(--wrong); font-size: .88rem; padding-bottom: .6rem; }
        .card + .note, .charts + .note, .rows + .note, table + .note { margin-top: .7rem; }
        .group + .group { margin-top: 1.8rem; } .group h3 + .note { margin-bottom: .7rem; }
        .rows { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 0 1.1rem; }
        .row { display: grid; grid-template-columns: 14rem 1fr; gap: 1rem; padding: .9rem 0 .7rem; } .row + .row { border-top: 1px solid var(--rule); }
        img { display: block; width: 64px; height: 64px; object-fit: contain; background: #fff; border-radius: 6px; }
        .query { display: flex; gap: .75rem; align-items: flex-start; min-width: 0; } .query img { box-shadow: 0 0 0 1px var(--rule); flex: none; }
        .query figcaption { min-width: 0; font-size: .84rem; line-height: 1.35; } .query figcaption > * { display: block; overflow-wrap: anywhere; } .query b { font-size: .95rem; font-weight: 600; } .query span { color: var(--soft); }
        .found { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(74px, 1fr)); gap: .6rem .35rem; min-width: 0; }
        .found li { position: relative; width: 74px; font-size: .78rem; line-height: 1.3; text-align: center; }
        .found img { width: 66px; height: 66px; padding: 2px; margin: 0 auto .15rem; border: 3px solid var(--rule); border-radius: 9px; }
        .found .right img { border-color: var(--right); } .found .wrong img { border-color: var(--wrong); border-style: dashed; }
        .found i { position: absolute; top: -6px; right: -2px; width: 20px; height: 20px; border-radius: 50%; font: 700 12px/20px system-ui, sans-serif; color: var(--card); box-shadow: 0 0 0 2px var(--card); }
        .right i { background: var(--right); } .wrong i { background: var(--wrong); } .open i { display: none; }
        .found b { display: block; font-weight: 600; font-variant-numeric: tabular-nums; } .found span { display: block; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .looks { padding: .9rem 0; } .looks + .looks { border-top: 1px solid var(--rule); } .looks p { font-size: .9rem; margin-bottom: .5rem; font-variant-numeric: tabular-nums; }
        .both { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26.5rem), 1fr)); gap: .7rem 1.2rem; }
        .side { display: flex; flex-wrap: wrap; gap: .5rem; align-items: flex-start; } .side figure { width: 128px; font-size: .78rem; color: var(--soft); font-variant-numeric: tabular-nums; } .side img { width: 128px; height: 128px; }
        .side figcaption { overflow-wrap: anywhere; line-height: 1.3; margin-top: .15rem; }
        .facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .3rem 1.4rem; font-size: .95rem; } .facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 2.75rem 1.5rem; } .pair section { min-width: 0; }
        details { margin-top: .9rem; } summary { cursor: pointer; color: var(--accent); } details .facts { margin-top: .7rem; }
        code, pre, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: .88em; }
        pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
        @media (max-width: 44rem) { main { padding: 1.5rem 1rem 3rem; } .row { grid-template-columns: 1fr; gap: .8rem; } .plot text { font-size: 15px; } td.wide { width: 18%; } .bar { min-width: 2.6rem; } .card { padding: .9rem 1rem; } th, td { padding: .42rem .3rem; font-size: .92rem; }
          .card.scroll { padding: .7rem .55rem; } .scroll th, .scroll td { white-space: normal; font-size: .74rem; padding: .35rem .12rem; vertical-align: top; }
          .scroll thead th { font-size: .68rem; overflow-wrap: anywhere; hyphens: auto; } .scroll tbody th { overflow-wrap: anywhere; min-width: 2.6rem; }
          .tiles { grid-template-columns: 1fr 1fr; } .tile:nth-child(3) { grid-column: 1 / -1; } .tile .value { font-size: 1.75rem; } }
        @media print { nav, .readout { display: none; } section { break-inside: auto; } .row, .chart { break-inside: avoid; } }
        """;

    /// <summary>Shows the values under the pointer. The page is readable without it.</summary>
    public const string Script = """
        for (const plot of document.querySelectorAll('svg.plot')) {
          const [from, to, left, right] = plot.dataset.x.split(' ').map(Number);
          const lines = [...plot.querySelectorAll('.line')].map(path => ({ name: path.dataset.name,
            points: path.dataset.values.split(' ').map(pair => pair.split(':')) }));
          const cursor = plot.querySelector('.cursor'), readout = plot.parentElement.querySelector('.readout');
          const nearest = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
          plot.addEventListener('pointermove', event => {
            const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse()).x;
            const hit = nearest(lines[0].points, from + (at - left) / (right - left) * (to - from))[0];
            const x = left + (hit - from) / (to - from) * (right - left);
            cursor.setAttribute('x1', x); cursor.setAttribute('x2', x); cursor.classList.add('on');
            readout.textContent = [plot.dataset.name + ' ' + hit, ...lines.map(l => l.name + ' ' + nearest(l.points, hit)[1])].join('  ·  ');
          });
          plot.addEventListener('pointerleave', () => {
            cursor.classList.remove('on'); readout.textContent = '\u00a0';
          });
        }
        """;
}
