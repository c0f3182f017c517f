/// Reports: HTML, charts, log files, console text, and what a browser makes of them.
module CondEmbed.Tests.ReportTests

open System
open System.Diagnostics
open System.IO
open Expecto
open CondEmbed.Reports
open CondEmbed.Tests.ReportDemo
open CondEmbed.Tests.Support

/// Where Chromium is, or nothing.
let private chromium =
    [ "chromium"; "chromium-browser"; "google-chrome" ]
    |> Seq.allPairs ((Environment.GetEnvironmentVariable "PATH" |> string).Split Path.PathSeparator)
    |> Seq.map Path.Combine
    |> Seq.tryFind File.Exists

/// What Chromium makes of a page: its tree after scripts have run, with errors of the console on standard error.
let private dump (browser: string) (folder: string) (page: string) =
    let arguments =
        [ "--headless"
          "--no-sandbox"
          "--disable-gpu"
          "--no-first-run"
          "--disable-background-networking"
          "--disable-component-update"
          "--disable-sync"
          "--enable-logging=stderr"
          $"--user-data-dir={folder}/profile"
          "--window-size=390,900"
          $"--screenshot={folder}/page.png"
          "--dump-dom"
          Uri(page).AbsoluteUri ]

    use browser =
        Process.Start(ProcessStartInfo(browser, arguments, RedirectStandardOutput = true, RedirectStandardError = true))

    let errors = browser.StandardError.ReadToEndAsync()
    let tree = browser.StandardOutput.ReadToEnd()

    if not (browser.WaitForExit 60000) then browser.Kill true

    tree, errors.Result

let private inChromium =
    test "Chromium shows the report without a complaint" {
        match chromium with
        | None -> skiptest "Chromium is not installed, so the report is not looked at."
        | Some browser ->
            inFolder (fun folder ->
                let page = Path.Combine(folder, "report.html")
                HtmlReport.Write(demo (), page)
                let tree, errors = dump browser folder page
                Expect.stringContains tree "Repeat this run" "the whole page"
                Expect.stringContains tree ">Copy</button>" "what can be copied"
                Expect.stringContains tree "placeholder=\"find a class\"" "a long table can be searched"
                let classes = (demo ()).Classes |> Seq.map (fun one -> $"<option>{one.Name}</option>")
                Expect.all classes tree.Contains "the map lets classes be chosen"
                Expect.isFalse (errors.Contains "CONSOLE") errors
                Expect.isTrue (File.Exists(Path.Combine(folder, "page.png"))) "screenshot")
    }

/// Writes the report of the run that never was, to be looked at: set CONDEMBED_DEMO_REPORT to the file.
let private toBeLookedAt =
    match Environment.GetEnvironmentVariable "CONDEMBED_DEMO_REPORT" with
    | null
    | "" -> []
    | path -> [ test "demo report" { HtmlReport.Write(demo (), path) } ]

let tests =
    testList
        "Report"
        ([ ReportHtmlTests.tests
           ReportSectionTests.tests
           ReportCompareTests.tests
           ReportChartTests.tests
           ReportLogTests.tests
           ReportConsoleTests.tests
           inChromium ]
         @ toBeLookedAt)
