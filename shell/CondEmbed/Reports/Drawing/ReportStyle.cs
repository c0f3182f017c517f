namespace CondEmbed.Reports;

/// <summary>Style of those parts that only the reports of runs have: map, confusions, classes, data, what can be copied.</summary>
internal static class ReportStyle
{
    /// <summary>Comes after <see cref="PageStyle.Css"/>.</summary>
    public const string Css = """
        [hidden] { display: none !important; } small { color: var(--soft); font-size: .85em; }
        .anchor { opacity: 0; font-weight: 400; } h2:hover .anchor, .anchor:focus { opacity: .7; } .sub { margin: 1.3rem 0 .6rem; }
        button, select, input[type=search] { font: inherit; font-size: .88rem; color: var(--ink); background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .3rem .7rem; max-width: 100%; }
        button { cursor: pointer; } button:hover { border-color: var(--accent); } :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        .controls { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; align-items: center; margin-bottom: .7rem; font-size: .92rem; } .controls label { min-width: 0; }
        fieldset { border: 0; margin: 0; padding: 0; display: flex; gap: .9rem; } fieldset legend { float: left; margin-right: .9rem; padding: 0; }
        .around { display: grid; grid-template-columns: 1fr 13rem; gap: 1.2rem; align-items: start; }
        .dots { display: block; width: 100%; height: auto; touch-action: pan-y; cursor: crosshair; border-radius: 8px; }
        .dots g { color: hsl(var(--h) 62% 45%); } .dots circle { stroke-width: .7; transition: opacity .12s; }
        .dots.one g:not(.on) circle { opacity: .13; } .dots g.on circle { r: 5px; } .dots circle.at { r: 8px; stroke: var(--ink); stroke-width: 2; }
        .peek { min-width: 0; font-size: .9rem; line-height: 1.35; } .peek b, .peek span { display: block; overflow-wrap: anywhere; } .peek span { color: var(--soft); font-size: .82rem; }
        .tile-of { position: relative; overflow: hidden; background: #fff; border-radius: 8px; width: 144px; height: 144px; margin-bottom: .4rem; box-shadow: 0 0 0 1px var(--rule); }
        .strip { display: flex; flex-wrap: wrap; gap: 4px; margin-top: .5rem; } .strip .tile-of { width: 40px; height: 40px; margin: 0; border-radius: 5px; }
        .tile-of img { position: absolute; max-width: none; object-fit: fill; border-radius: 0; }
        .confused { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1rem 1.4rem; margin: .8rem 0; }
        .confused li { display: flex; flex-wrap: wrap; gap: .35rem .8rem; align-items: center; min-width: 0; } .confused p { flex: 1 1 8rem; min-width: 0; font-size: .9rem; line-height: 1.35; overflow-wrap: anywhere; } .confused small { display: block; }
        .duo { display: flex; gap: 3px; } .duo img { width: 48px; height: 48px; box-shadow: 0 0 0 1px var(--rule); } .duo img + img { box-shadow: 0 0 0 2px var(--wrong); }
        .matrix td { text-align: center; background: color-mix(in srgb, var(--wrong) var(--share), transparent); } .matrix td.own { background: color-mix(in srgb, var(--right) var(--share), transparent); }
        .matrix th, .matrix thead th { text-align: center; } .matrix tbody th { text-align: left; max-width: 14rem; overflow: hidden; text-overflow: ellipsis; } .matrix caption { text-align: left; padding-bottom: .5rem; } .matrix td:last-child { background: none; }
        .long { max-height: 32rem; overflow: auto; padding-top: 0; } .long thead th { position: sticky; top: 0; background: var(--card); padding-top: 1rem; z-index: 1; } .long th:first-child { max-width: 18rem; overflow: hidden; text-overflow: ellipsis; }
        .long th button { border: 0; padding: 0; background: none; color: inherit; font-weight: inherit; } .long th[aria-sort=ascending] button::after { content: " ↑"; } .long th[aria-sort=descending] button::after { content: " ↓"; }
        .sortable th:nth-last-child(1), .sortable td:nth-last-child(1) { text-align: left; padding-left: 1.5rem; }
        .names { padding-left: 1.2rem; font-size: .9rem; overflow-wrap: anywhere; } .bars { max-width: 34rem; }
        .copied { position: relative; padding-right: 6rem; } .copied + .note, .copied ~ .copied { margin-top: .8rem; } .copied pre { max-height: 26rem; overflow: auto; } .copied button { position: absolute; top: .7rem; right: .8rem; } details.copied[open] pre { margin-top: .7rem; }
        .warnings { list-style: none; display: grid; gap: .4rem; } .warnings li::before { content: "! "; font-weight: 700; color: var(--wrong); }
        .swatch { display: inline-block; width: 18px; height: 8px; margin-right: .4rem; }
        @media (prefers-color-scheme: dark) { .dots g { color: hsl(var(--h) 65% 65%); } }
        @media (max-width: 44rem) { .around { grid-template-columns: 1fr; } .peek { display: grid; grid-template-columns: auto 1fr; gap: 0 .8rem; min-height: 96px; } .peek > .tile-of { width: 96px; height: 96px; } .strip { grid-column: 1 / -1; } .long { max-height: 70vh; } .sortable .extra { display: none; } .sortable th, .sortable td { white-space: normal; overflow-wrap: anywhere; min-width: 4.2em; } .sortable th:nth-last-child(1), .sortable td:nth-last-child(1) { padding-left: .8rem; } .copied { padding-right: 1rem; padding-top: 3rem; } }
        @media print { .controls, .peek, button, .anchor { display: none !important; } .long, .copied pre { max-height: none; overflow: visible; } .around { grid-template-columns: 1fr; } .card, .chart, .rows { border-color: #bbb; } body { font-size: 12px; } .confused li, .looks { break-inside: avoid; } details::details-content { content-visibility: visible; } }
        """;
}
