/// An exported network in other hosts: the sample service, asked over HTTP, and ML.NET.
module CondEmbed.Tests.ServiceTests

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Onnx
open CondEmbed.Search
open CondEmbed.Tests.Browser
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.ExportSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private exported folder =
    let file = Path.Combine(folder, "model.onnx")
    use model = untrained [ "size", "32"; "resize", "32"; "embedding", "8"; "pooling", "mean" ]
    writeOnnx file false model
    file

let private pictures () =
    Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)
    |> Array.sort
    |> Array.truncate 9

let private asked (client: HttpClient) (verb: HttpMethod) (path: string) (body: byte array) =
    use request = new HttpRequestMessage(verb, path, Content = new ByteArrayContent(body))
    // So that a body which the server does not want is not sent, and the answer is heard.
    request.Headers.ExpectContinue <- Nullable(body.Length > 1_000_000)
    use response = client.Send request
    response.StatusCode, response.Content.ReadAsStringAsync().Result

/// Waits until the health check, which embeds an image, is content.
let private healthy (running: Running) (client: HttpClient) =
    eventually "the service" (fun () ->
        if running.HasExited then failtest (running.Outcome().Everything)

        try
            if fst (asked client HttpMethod.Get "/health" [||]) = HttpStatusCode.OK then Some() else None
        with :? HttpRequestException ->
            None)

/// What the service says while another program fills its store, and when that is of another network.
let private inTrouble client path (embedder: Embedder) image =
    let put () = asked client HttpMethod.Put "/pictures/new" image
    let filling: IVectorStore = IndexFileStore.OpenOrCreate(path, StoreNetwork(embedder.Fingerprint, embedder.Dimension))
    let status, answer = put ()
    Expect.equal status HttpStatusCode.ServiceUnavailable answer
    filling.DisposeAsync().AsTask().Wait()
    let status, answer = put ()
    Expect.equal status HttpStatusCode.OK answer
    use other = new ImageIndex(3, "other")
    other.Save path
    let status, answer = put ()
    Expect.equal status HttpStatusCode.InternalServerError answer
    Expect.isFalse (answer.Contains path || answer.Contains "   at ") answer

let private service =
    test "the sample service keeps pictures, finds them, embeds, tells OpenTelemetry, and says what is wrong" {
        inFolder (fun folder ->
            let file, address, told = exported folder, $"http://127.0.0.1:{freePort ()}", $"http://127.0.0.1:{freePort ()}"
            let arguments = [ "--Network:File"; file; "--Stores"; Path.Combine(folder, "stores"); "--urls"; address ]
            let listener, received = collector told
            use _ = listener

            let variables =
                [ "OTEL_EXPORTER_OTLP_ENDPOINT", told
                  "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
                  "OTEL_METRIC_EXPORT_INTERVAL", "300"
                  "OTEL_BSP_SCHEDULE_DELAY", "300" ]

            use running = start "CondEmbed.Sample.Service.dll" folder variables arguments
            use client = new HttpClient(BaseAddress = Uri address)
            healthy running client
            let all = pictures ()
            let labelOf i = string (Path.GetFileName(Path.GetDirectoryName all[i]))

            for i, path in Array.indexed all do
                let label = Uri.EscapeDataString(labelOf i)
                let status, answer = asked client HttpMethod.Put $"/pictures/p{i}?label={label}" (File.ReadAllBytes path)
                Expect.equal status HttpStatusCode.OK answer

            let found query = asked client HttpMethod.Post $"/search?top=5{query}" (File.ReadAllBytes(all[4])) |> snd |> jsonOf

            let text (hit: JsonElement) (name: string) = hit.GetProperty(name).GetString()
            let first = (found "")[0]
            Expect.equal (text first "name", text first "label") ("p4", labelOf 4) "itself"
            Expect.isGreaterThan (first.GetProperty("similarity").GetDouble()) 0.999 "alike"
            let other = labelOf 8

            Expect.all
                [ for hit in (found $"&label={Uri.EscapeDataString other}").EnumerateArray() -> text hit "label" ]
                ((=) other)
                "by label"

            use embedder = new Embedder(OnnxModel.Load file)
            let embedding = asked client HttpMethod.Post "/embed" (File.ReadAllBytes(all[0])) |> snd |> jsonOf
            Expect.equal [| for number in embedding.EnumerateArray() -> number.GetSingle() |] (embedder.Embed(all[0])) "numbers"
            use form = new MultipartFormDataContent()
            form.Add(new ByteArrayContent(File.ReadAllBytes(all[4])), "file", "cat.png")
            let answer = client.PostAsync("/search", form).Result.Content.ReadAsStringAsync().Result
            Expect.stringContains answer "multipart/form-data" "a form"

            for verb, path, body, expected, words in
                [ HttpMethod.Post, "/search", "no image"B, HttpStatusCode.BadRequest, "the image: this is not"
                  HttpMethod.Post, "/search?top=0", File.ReadAllBytes(all[0]), HttpStatusCode.BadRequest, "top must be 1 or more, not 0"
                  HttpMethod.Put, "/pictures/broken", "no image"B, HttpStatusCode.BadRequest, "broken: this is not"
                  // One byte more than Kestrel takes.
                  HttpMethod.Post, "/embed", Array.zeroCreate 30_000_001, HttpStatusCode.RequestEntityTooLarge, "30000000 bytes" ] do
                let status, answer = asked client verb path body
                Expect.equal status expected answer
                Expect.stringContains answer words "what is wrong"

            Expect.equal (fst (asked client HttpMethod.Delete "/pictures/p4" [||])) HttpStatusCode.OK "removed"
            let nearest = (found "")[0]
            Expect.notEqual (text nearest "name") "p4" "no longer found"
            inTrouble client (Path.Combine(folder, "stores", "pictures.index")) embedder (File.ReadAllBytes(all[0]))

            for path, names in
                [ "/v1/traces", [ "condembed.embed"; "condembed.search"; "PUT /pictures/{name}" ]
                  "/v1/metrics", [ "condembed.images"; "condembed.bad_images"; "condembed.embed.duration" ] ] do
                for name in names do
                    eventually $"{name} at the collector's {path}" (fun () ->
                        match received.TryGetValue path with
                        | true, sent when sent.Contains name -> Some()
                        | _ -> None))
    }

let private unusable =
    test "the sample service does not start with what is no network, and says so in one line" {
        inFolder (fun folder ->
            let file = Path.Combine(folder, "last.safetensors")
            File.WriteAllText(file, "no network")

            for given in [ file; Path.Combine(folder, "none.onnx") ] do
                let outcome = run "CondEmbed.Sample.Service.dll" folder [] [ "--Network:File"; given; "--urls"; "http://127.0.0.1:0" ]
                Expect.equal (outcome.Code, outcome.Out) (2, "") outcome.Everything
                Expect.stringContains outcome.Error given "the file"
                Expect.equal (outcome.Error.Trim().Split('\n').Length) 1 outcome.Error)
    }

/// What the lines of the image's recipe say after their first word.
let private lines (word: string) =
    File.ReadAllLines(Path.Combine(repositoryRoot (), "shell", "CondEmbed.Sample.Service", "Dockerfile"))
    |> Array.filter (fun line -> line.StartsWith(word + " ", StringComparison.Ordinal))
    |> Array.map _.Substring(word.Length + 1)

let private line word = Array.exactlyOne (lines word)

/// A command line as a list in JSON.
let private commandOf (text: string) = [ for word in (jsonOf (text.Substring(text.IndexOf '['))).EnumerateArray() -> word.GetString() ]

let private launched (folder: string) (variables: (string * string) list) (words: string list) =
    let info =
        ProcessStartInfo(words.Head, words.Tail, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder)

    info.Environment.Clear()

    for name, value in ("PATH", Environment.GetEnvironmentVariable "PATH") :: variables do
        info.Environment[name] <- value

    new Running(Process.Start info)

let private succeeds folder variables words =
    use running = launched folder variables words
    let outcome = running.Outcome()
    Expect.equal outcome.Code 0 $"{words}: {outcome.Everything}"

/// The user of the image, where the tests may become another.
let private asUser id words =
    if Environment.UserName = "root" && File.Exists "/usr/bin/setpriv" then
        [ "/usr/bin/setpriv"; $"--reuid={id}"; $"--regid={id}"; "--clear-groups" ] @ words
    else
        words

let private image =
    test "the lines of its Dockerfile publish it, and run it as the image's user, who is asked for its health and may store pictures" {
        if not (OperatingSystem.IsLinux() && File.Exists "/usr/bin/bash") then
            skiptest "the image is of Linux, and its health check is a line of bash"

        inFolder (fun folder ->
            let port, user = freePort (), "1654"
            // What stands at other places in the image.
            let here (text: string) = text.Replace("/app", $"{folder}/app").Replace("/data", $"{folder}/data").Replace("8080", string port)
            let home = "HOME", Environment.GetEnvironmentVariable "HOME"
            let own = if Environment.UserName = "root" then user else "$(id -u)"
            Directory.CreateDirectory(Path.Combine(folder, "app")) |> ignore

            let publish, prepare =
                match lines "RUN" with
                | [| publish; prepare |] -> publish, prepare
                | others -> failtest $"{others.Length} commands"

            // As it was built: the tests do not build their own programs again.
            succeeds (repositoryRoot ()) [ home ] [ "bash"; "-c"; here publish + " --no-build" ]
            succeeds folder [] [ "bash"; "-c"; (here prepare).Replace("$APP_UID", own) ]
            File.Move(exported folder, Path.Combine(folder, "data", "model.onnx"))
            File.SetUnixFileMode(folder, File.GetUnixFileMode folder ||| UnixFileMode.OtherRead ||| UnixFileMode.OtherExecute)

            let variables =
                [ for given in (here (line "ENV")).Split ' ' do
                      let parts = given.Split '='
                      parts[0], parts[1]
                  // Of the image that it is made from.
                  "ASPNETCORE_HTTP_PORTS", string port
                  "DOTNET_RUNNING_IN_CONTAINER", "true" ]

            let check = commandOf (here (line "HEALTHCHECK"))

            let health () =
                use asking = launched folder [] check
                asking.Outcome().Code

            Expect.notEqual (health ()) 0 "not yet"
            Expect.equal (line "USER") "$APP_UID" "the user"
            use running = launched (Path.Combine(folder, "app")) variables (asUser user (commandOf (line "ENTRYPOINT")))

            eventually "its health" (fun () ->
                if running.HasExited then failtest (running.Outcome().Everything)
                if health () = 0 then Some() else None)

            use client = new HttpClient(BaseAddress = Uri $"http://127.0.0.1:{port}")
            let status, answer = asked client HttpMethod.Put "/pictures/one" (File.ReadAllBytes((pictures ())[0]))
            Expect.equal status HttpStatusCode.OK answer
            Expect.isNonEmpty (Directory.GetFileSystemEntries(Path.Combine(folder, "data", "stores"))) "stored"
            signal Terminate running
            Expect.equal (running.Outcome().Code) 0 "docker stop ends it"
            Expect.notEqual (health ()) 0 "no longer")
    }

/// The page's script, and a call of it: pixels of views from a file, numbers to another.
let private script folder side dimension =
    let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "dotnet.md"))
    let block = Regex.Match(page, "(?s)## ML.NET.*?```fsharp\n(.*?)```").Groups[1].Value
    let path name = "@\"" + Path.Combine(folder, name) + "\""

    $"""{block}
let all = System.IO.File.ReadAllBytes({path "pixels"}) |> Array.chunkBySize ({side} * {side} * 3)
let rows = embed ({path "model.onnx"}) {side} {dimension} [ for pixels in all -> {{ pixels = pixels }} ]
System.IO.File.WriteAllText({path "found"}, String.concat " " [ for row in rows do for number in row -> string (System.BitConverter.SingleToInt32Bits number) ])
"""

let private mlNet =
    test "ML.NET gives the numbers of ONNX Runtime, to the bit" {
        inFolder (fun folder ->
            use model = OnnxModel.Load(exported folder)
            let side, count = 32, 3
            let pixels = noise 7 count side
            File.WriteAllBytes(Path.Combine(folder, "pixels"), pixels)
            let file = Path.Combine(folder, "mlnet.fsx")
            File.WriteAllText(file, script folder side 8)

            let start =
                ProcessStartInfo("dotnet", [ "fsi"; "--quiet"; file ], RedirectStandardOutput = true, RedirectStandardError = true)

            use fsi = new Running(Process.Start start)
            let outcome = fsi.Outcome()

            if outcome.Everything.Contains "NU1301" || outcome.Everything.Contains "NU1101" then
                skiptest "the packages of ML.NET cannot be fetched"

            Expect.equal outcome.Code 0 outcome.Everything
            let found = File.ReadAllText(Path.Combine(folder, "found")).Split ' ' |> Array.map int
            // One image a row, as ML.NET asks.
            let one i = (model :> IEmbeddingNetwork).Embed(pixels[i * side * side * 3 .. (i + 1) * side * side * 3 - 1], 1)

            Expect.equal
                found
                [| for i in 0 .. count - 1 do
                       yield! Array.map BitConverter.SingleToInt32Bits (one i) |]
                "numbers")
    }

let tests = testList "Service" [ service; unusable; image; mlNet ]
