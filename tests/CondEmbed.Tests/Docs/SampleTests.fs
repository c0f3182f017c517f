/// The sample page: the program as a process, asked over HTTP and looked at in Chromium.
module CondEmbed.Tests.SampleTests

open System
open System.IO
open System.Net
open System.Net.Http
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Reports
open CondEmbed.Tests.Browser
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// A run with two levels, and the sixteen classes that it was made of.
let private run = lazy finishedRun [ "levels", "2" ]

let private asked (client: HttpClient) (httpMethod: HttpMethod) (path: string) (body: byte[] option) =
    use request = new HttpRequestMessage(httpMethod, path)
    body |> Option.iter (fun bytes -> request.Content <- new ByteArrayContent(bytes))
    use response = client.Send request
    response.StatusCode, response.Content.ReadAsByteArrayAsync().Result

let private jsonOf (bytes: byte[]) = JsonDocument.Parse(bytes).RootElement

/// Starts the page, waits until it is ready, and ends it as Ctrl-C does.
let private serving run (test: string -> HttpClient -> unit) =
    inFolder (fun folder ->
        let address = $"http://127.0.0.1:{freePort ()}"
        use running = start "CondEmbed.Sample.dll" folder [] [ run; "--gallery"; imageFolder.Value; "--urls"; address ]
        use client = new HttpClient(BaseAddress = Uri address)

        eventually "the sample" (fun () ->
            if running.HasExited then failtest (running.Outcome().Everything)

            try
                let _, state = asked client HttpMethod.Get "/api/state" None
                if (jsonOf state).GetProperty("isReady").GetBoolean() then Some() else None
            with :? HttpRequestException ->
                None)

        test address client

        if not (OperatingSystem.IsWindows()) then
            signal Interrupt running
            let outcome = running.Outcome()
            Expect.equal (outcome.Code, outcome.Error) (0, "") "it ends in peace"
            Expect.stringContains outcome.Out "ready: 96 images, embeddings of 16 numbers" "what it says")

let private ghost () =
    let path =
        Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)
        |> Array.sort
        |> Array.head

    path, Path.GetRelativePath(imageFolder.Value, path).Replace('\\', '/')

let private overHttp =
    test "finds, explains, and says what is wrong" {
        serving run.Value (fun _ client ->
            let path, id = ghost ()
            let bytes = File.ReadAllBytes path
            let answer path body = asked client HttpMethod.Post path (Some body)
            let hits where = [ for hit in (snd (answer where bytes) |> jsonOf).GetProperty("hits").EnumerateArray() -> hit ]
            let ids where = [ for hit in hits where -> hit.GetProperty("id").GetString() ]
            Expect.equal (ids "/api/search").Length 12 "hits"
            Expect.equal (List.head (ids "/api/search")) id "itself"
            Expect.floatClose Accuracy.medium ((List.head (hits "/api/search")).GetProperty("similarity").GetDouble()) 1.0 "alike"

            Expect.equal
                (ids $"/api/search?without={id}")
                (List.tail (ids "/api/search") @ [ List.last (ids $"/api/search?without={id}") ])
                "without itself"

            let why = snd (answer $"/api/why/{id}" bytes) |> jsonOf
            let levels = [ for level in why.GetProperty("levels").EnumerateArray() -> level.GetProperty("query").GetString() ]
            Expect.hasLength levels 2 "levels"

            for picture in why.GetProperty("hit").GetString() :: levels do
                let image = decoder.Decode(ReadOnlyMemory(Convert.FromBase64String(picture.Split(',')[1])), "heat map")
                Expect.equal (image.Width, image.Height) (320, 320) "pictures for the page"

            Expect.equal (asked client HttpMethod.Get $"/api/images/{id}" None) (HttpStatusCode.OK, bytes) "the file"
            Expect.equal (fst (asked client HttpMethod.Get "/api/images/../../secret.png" None)) HttpStatusCode.NotFound "no other file"
            Expect.equal (fst (answer "/api/why/nothing.png" bytes)) HttpStatusCode.NotFound "no such hit"

            let asFrom host =
                use request = new HttpRequestMessage(HttpMethod.Get, $"/api/images/{id}")
                request.Headers.Host <- host
                use response = client.Send request
                let found, sniffing = response.Headers.TryGetValues "X-Content-Type-Options"
                response.StatusCode, (if found then String.Join(",", sniffing) else "")

            Expect.equal (asFrom "localhost") (HttpStatusCode.OK, "nosniff") "a browser does not guess what a file is"
            Expect.equal (fst (asFrom "elsewhere.example")) HttpStatusCode.BadRequest "another host's name"

            let crowd = [| for _ in 1..100 -> client.PostAsync("/api/search", new ByteArrayContent(bytes)) |]
            let codes = [ for one in crowd -> one.Result.StatusCode ]

            Expect.isTrue
                (codes
                 |> List.forall (fun code -> code = HttpStatusCode.OK || code = HttpStatusCode.ServiceUnavailable))
                "a crowd"

            Expect.isGreaterThan (codes |> List.filter ((=) HttpStatusCode.OK) |> List.length) 8 "most are answered"

            let refused (status: HttpStatusCode) (message: string) (code, body) =
                Expect.equal code status message
                Expect.stringContains ((jsonOf body).GetProperty("error").GetString()) message "message"

            refused HttpStatusCode.BadRequest "notes.txt: this is not a JPEG" (answer "/api/search?name=notes.txt" "hello"B)
            refused HttpStatusCode.BadRequest "the file is empty" (answer "/api/search" [||])
            refused HttpStatusCode.RequestEntityTooLarge "up to 10 MB" (answer "/api/search" (Array.zeroCreate 10_000_001)))
    }

let private withoutLevels =
    test "a run without levels is searched, and there is nothing to explain" {
        serving (finishedRun [ "levels", "0" ]) (fun _ client ->
            let path, id = ghost ()
            let bytes = File.ReadAllBytes path
            Expect.equal (fst (asked client HttpMethod.Post "/api/search" (Some bytes))) HttpStatusCode.OK "search"
            Expect.equal (fst (asked client HttpMethod.Post $"/api/why/{id}" (Some bytes))) HttpStatusCode.NotFound "why")
    }

let private wrong =
    test "a run that is none ends the program, and says why" {
        inFolder (fun folder ->
            use running = start "CondEmbed.Sample.dll" folder [] [ "nowhere"; "--urls"; $"http://127.0.0.1:{freePort ()}" ]
            let outcome = running.Outcome()
            Expect.equal outcome.Code 2 outcome.Everything
            Expect.stringContains outcome.Error "nowhere: no such file or folder" "message")
    }

/// A script that gives the page the picture of its first sample as a file, by an event.
let private giving event =
    "const done = arguments[arguments.length - 1];
     const bytes = await (await fetch(document.querySelector('#samples img').src)).blob();
     const data = new DataTransfer();
     data.items.add(new File([bytes], 'given.png', { type: 'image/png' }));"
    + event
    + "return true;"

let private dropped =
    giving "window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));"

let private pasted = giving "window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));"

let private explained = "document.querySelectorAll('#looks figure').length === 3"

let private inChromium =
    test "a person drops, chooses, pastes, and looks" {
        inFolder (fun folder ->
            use page = Page.Start folder

            serving run.Value (fun address _ ->
                let path, id = ghost ()
                page.Size(1280, 900)
                page.Dark false
                page.Open address
                page.WaitFor "document.querySelectorAll('#samples img').length === 12"
                page.Type("#file", path)
                page.WaitFor explained
                Expect.equal (page.Run("return document.querySelector('#hits button').dataset.id").GetString()) id "itself first"
                page.WaitFor "[...document.images].every(image => image.hidden || image.naturalWidth > 0)"

                Expect.equal
                    (page.Run("return document.querySelector('#hits [aria-pressed=true]').dataset.id").GetString() <> id)
                    true
                    "another is explained"

                // By keyboard alone: on to the third hit, and Enter.
                page.Run "document.querySelectorAll('#hits button')[1].focus()" |> ignore
                page.Press "\uE004"
                page.Press "\uE007"
                page.WaitFor "document.querySelectorAll('#hits button')[2].getAttribute('aria-pressed') === 'true'"
                page.WaitFor explained

                for way, script in [ "dropped", dropped; "pasted", pasted ] do
                    page.Run script |> ignore
                    // What is clicked below it moves until it is there.
                    page.WaitFor "document.querySelector('#query').alt === 'given.png' && document.querySelector('#query').complete"
                    page.Click "#samples button:nth-child(2)"
                    page.WaitFor "document.querySelector('#query').alt === document.querySelector('#samples button:nth-child(2)').title"
                    Expect.equal (page.Run("return document.querySelectorAll('#hits button').length").GetInt32()) 12 way

                let notes = Path.Combine(folder, "notes.txt")
                File.WriteAllText(notes, "hello")
                page.Type("#file", notes)
                page.WaitFor "!document.querySelector('#problem').hidden"
                Expect.stringContains (page.TextOf "#problem") "notes.txt: this is not a JPEG" "message"
                File.WriteAllBytes(notes, Array.zeroCreate 11_000_000)
                page.Type("#file", notes)
                page.WaitFor "document.querySelector('#problem').textContent.includes('11.0 MB')"
                Expect.stringContains (page.TextOf "#problem") "up to 10 MB" "message"

                let bright () =
                    let picture = decoder.Decode(ReadOnlyMemory(page.Screenshot()), "screenshot")
                    picture.Width, picture.Pixels |> Seq.averageBy float

                let width, light = bright ()
                page.Size(390, 844)
                page.Dark true
                let narrow, dark = bright ()
                Expect.equal (width, narrow) (1280, 390) "sizes"
                Expect.isTrue (light > 200.0 && dark < 120.0) $"light {light}, dark {dark}"
                Expect.equal (page.Run("return document.documentElement.scrollWidth").GetInt32()) 390 "nothing sticks out on a phone"

                let complaints = page.Complaints() |> List.filter (fun line -> not (line.Contains "400 (Bad Request)"))
                Expect.isEmpty complaints "the console"))
    }

let private files =
    test "the page asks no other host" {
        for file in Directory.GetFiles(Path.Combine(repositoryRoot (), "shell", "CondEmbed.Sample", "wwwroot")) do
            let text = File.ReadAllText(file).Replace("http://www.w3.org/2000/svg", "")
            Expect.isFalse (Regex.IsMatch(text, "https?://|//[a-z]+\\.|@import")) file
    }

let tests = testList "Sample" [ overHttp; withoutLevels; wrong; inChromium; files ]
