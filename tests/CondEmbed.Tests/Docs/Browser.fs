/// Chromium without a window, driven over HTTP by chromedriver as the W3C's WebDriver has it. Without the two a test is skipped, and says so.
module CondEmbed.Tests.Browser

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Text
open System.Text.Json
open System.Threading
open Expecto
open CondEmbed.Reports

let private programOf (names: string list) =
    names
    |> Seq.allPairs ((Environment.GetEnvironmentVariable "PATH" |> string).Split Path.PathSeparator)
    |> Seq.map Path.Combine
    |> Seq.tryFind File.Exists

/// A port of this machine that is free now.
let freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// Waits until something gives a value.
let rec private until (deadline: DateTime) what (attempt: unit -> 'T option) =
    match attempt () with
    | Some value -> value
    | None when DateTime.UtcNow > deadline -> failtest $"waited in vain for {what}"
    | None ->
        Thread.Sleep 50
        until deadline what attempt

/// Waits until something gives a value, at most a minute.
let eventually what attempt = until (DateTime.UtcNow.AddMinutes 1.0) what attempt

/// A page in a browser.
type Page private (driver: Process, client: HttpClient, session: string) =

    static let call (client: HttpClient) (httpMethod: HttpMethod) (path: string) (body: obj) =
        use request = new HttpRequestMessage(httpMethod, path)

        if not (isNull body) then
            request.Content <- new StringContent(JsonSerializer.Serialize body, Encoding.UTF8, "application/json")

        use response = client.Send request
        use document = JsonDocument.Parse(response.Content.ReadAsStream())
        let value = document.RootElement.GetProperty("value").Clone()
        if not response.IsSuccessStatusCode then failtest $"{path}: {value}"
        value

    let post path body = call client HttpMethod.Post $"/session/{session}/{path}" body

    let element (css: string) =
        let found = post "element" {| using = "css selector"; value = css |}
        (Seq.head (found.EnumerateObject())).Value.GetString()

    /// Starts a browser whose profile lies in a folder.
    static member Start(folder: string) =
        match programOf [ "chromium"; "chromium-browser"; "google-chrome" ], programOf [ "chromedriver" ] with
        | None, _ -> skiptest "Chromium is not there to look at the page: apt-get install chromium"
        | _, None -> skiptest "chromedriver is not there to drive Chromium: apt-get install chromium-driver"
        | Some chromium, Some chromedriver ->
            let port = freePort ()
            let driver = Process.Start(ProcessStartInfo(chromedriver, [ $"--port={port}"; "--silent" ], RedirectStandardOutput = true))
            let client = new HttpClient(BaseAddress = Uri $"http://127.0.0.1:{port}", Timeout = TimeSpan.FromMinutes 1.0)

            eventually "chromedriver" (fun () ->
                try
                    Some(call client HttpMethod.Get "/status" null)
                with :? HttpRequestException ->
                    None)
            |> ignore

            let arguments =
                [| "--headless"
                   "--no-sandbox"
                   "--disable-gpu"
                   "--disable-quic"
                   "--no-first-run"
                   "--disable-background-networking"
                   "--disable-component-update"
                   "--disable-sync"
                   $"--user-data-dir={folder}/profile" |]

            let wanted =
                dict
                    [ "goog:chromeOptions", box {| args = arguments; binary = chromium |}
                      "goog:loggingPrefs", box {| browser = "ALL" |} ]

            let made = call client HttpMethod.Post "/session" {| capabilities = {| alwaysMatch = wanted |} |}
            new Page(driver, client, made.GetProperty("sessionId").GetString())

    member _.Open(address: string) = post "url" {| url = address |} |> ignore

    /// The value of a script that ends with 'return ...'.
    member _.Run(script: string) = post "execute/sync" {| script = script; args = Array.empty<string> |}

    /// Waits until an expression holds.
    member this.WaitFor(condition: string) =
        eventually condition (fun () -> if this.Run($"return !!({condition})").GetBoolean() then Some() else None)

    /// Types into an element, as into what is focused; a file's path chooses it.
    member _.Type(css: string, text: string) = post $"element/{element css}/value" {| text = text |} |> ignore

    member _.Click(css: string) = post $"element/{element css}/click" (obj ()) |> ignore

    member _.TextOf(css: string) = (call client HttpMethod.Get $"/session/{session}/element/{element css}/text" null).GetString()

    /// Presses a key of the keyboard wherever the focus is.
    member _.Press(key: string) =
        let keys = [| {| ``type`` = "keyDown"; value = key |}; {| ``type`` = "keyUp"; value = key |} |]

        post "actions" {| actions = [| {| ``type`` = "key"; id = "keyboard"; actions = keys |} |] |}
        |> ignore

    member private _.Ask(command: string, parameters: obj) = post "goog/cdp/execute" {| cmd = command; ``params`` = parameters |}

    member this.Size(width: int, height: int) =
        this.Ask("Emulation.setDeviceMetricsOverride", {| width = width; height = height; deviceScaleFactor = 1; mobile = width < 500 |})
        |> ignore

    member this.Dark(dark: bool) =
        let feature = {| name = "prefers-color-scheme"; value = (if dark then "dark" else "light") |}
        this.Ask("Emulation.setEmulatedMedia", {| features = [| feature |] |}) |> ignore

    /// A PNG of what is seen.
    member this.Screenshot() =
        Convert.FromBase64String(this.Ask("Page.captureScreenshot", {| format = "png" |}).GetProperty("data").GetString())

    /// Lines of the console since the last time.
    member _.Complaints() =
        [ for line in (post "se/log" {| ``type`` = "browser" |}).EnumerateArray() -> line.GetProperty("message").GetString() ]

    interface IDisposable with
        member _.Dispose() =
            try
                call client HttpMethod.Delete $"/session/{session}" null |> ignore
            finally
                client.Dispose()
                driver.Kill true
                driver.Dispose()
