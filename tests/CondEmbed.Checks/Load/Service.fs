/// The sample service under load, with bodies that are good, bad, huge and slow.
module CondEmbed.Checks.Service

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks
open CondEmbed.Common
open CondEmbed.Datasets

let private clients = 16

/// The service where its own build has put it.
let private program () =
    let output = DirectoryInfo(AppContext.BaseDirectory.TrimEnd Path.DirectorySeparatorChar)

    let path =
        Path.GetFullPath(
            Path.Combine(
                output.FullName,
                "..",
                "..",
                "..",
                "..",
                "..",
                "shell",
                "CondEmbed.Sample",
                "bin",
                output.Parent.Name,
                output.Name,
                "CondEmbed.Sample.dll"
            )
        )

    if File.Exists path then path else raise (InputException $"the service is not there: {path}; build the whole solution.")

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

let rec private waitUntilReady (client: HttpClient) (service: Process) =
    if service.HasExited then invalidOp $"the service ended with exit code {service.ExitCode}"

    let isReady =
        try
            client.GetStringAsync("/api/state").Result.Contains "\"isReady\":true"
        with _ ->
            false

    if not isReady then
        Thread.Sleep 200
        waitUntilReady client service

/// A request of a kind: what is sent, and the answers that are right.
type private Kind = { Name: string; Share: int; Send: HttpClient -> Random -> int; Right: int list }

/// No answer, because the service closed the connection.
[<Literal>]
let private Closed = 0

let private post (path: string) (body: byte array) (client: HttpClient) =
    try
        use content = new ByteArrayContent(body)
        use answer = client.PostAsync(path, content).Result
        answer.Content.ReadAsByteArrayAsync().Result |> ignore
        int answer.StatusCode
    with problem when (problem.GetBaseException() :? IOException || problem.GetBaseException() :? SocketException) ->
        Closed

let private get (path: string) (client: HttpClient) =
    use answer = client.GetAsync(path).Result
    int answer.StatusCode

/// Some of a body, a byte at a time, and then nothing more.
let private slow (port: int) (random: Random) =
    use socket = new TcpClient("127.0.0.1", port)
    let stream = socket.GetStream()
    stream.Write(Encoding.ASCII.GetBytes $"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 100000\r\n\r\n")

    for _ in 1 .. random.Next 20 do
        stream.WriteByte 1uy
        Thread.Sleep 50

    Closed

let private kinds port (images: IImageDataset) =
    let file (random: Random) = images.Read(random.Next images.Count)

    let hit (random: Random) =
        images.Items[random.Next images.Count].Path.Split '/'
        |> Array.map Uri.EscapeDataString
        |> String.concat "/"

    let busy = 503
    let huge, noise = Array.zeroCreate 11_000_000, Array.zeroCreate 9_900_000

    [ { Name = "good"
        Share = 60
        Send = (fun client random -> post "/api/search" (file random) client)
        Right = [ 200; busy ] }
      { Name = "why"
        Share = 10
        Send = (fun client random -> post $"/api/why/{hit random}" (file random) client)
        Right = [ 200; busy ] }
      { Name = "file"
        Share = 8
        Send = (fun client random -> get $"/api/images/{hit random}" client)
        Right = [ 200 ] }
      { Name = "bad"
        Share = 8
        Send = (fun client random -> post "/api/search" ((file random)[..50]) client)
        Right = [ 400; busy ] }
      { Name = "empty"; Share = 3; Send = (fun client _ -> post "/api/search" [||] client); Right = [ 400; busy ] }
      { Name = "huge"
        Share = 3
        Send = (fun client _ -> post "/api/search" huge client)
        Right = [ 413; busy; Closed ] }
      { Name = "noise"; Share = 3; Send = (fun client _ -> post "/api/search" noise client); Right = [ 400; busy ] }
      { Name = "other file"
        Share = 3
        Send = (fun client _ -> get "/api/images/..%2F..%2Fappsettings.json" client)
        Right = [ 400; 404 ] }
      { Name = "slow"; Share = 2; Send = (fun _ random -> slow port random); Right = [ Closed ] } ]

let private drawn (kinds: Kind list) (random: Random) =
    let place = random.Next(kinds |> List.sumBy _.Share)
    let ends = kinds |> List.scan (fun sum kind -> sum + kind.Share) 0 |> List.tail
    List.zip kinds ends |> List.find (fun (_, last) -> place < last) |> fst

/// Sends until the time is over; the kind, answer and milliseconds of each request.
let private send (client: HttpClient) kinds isOver (answers: ConcurrentQueue<string * bool * int * float>) number =
    let random = Random(number: int)

    while not (isOver ()) do
        let kind = drawn kinds random
        let start = Stopwatch.GetTimestamp()

        let code =
            try
                kind.Send client random
            with problem ->
                eprintfn $"{kind.Name}: {problem.GetBaseException().Message}"
                -1

        answers.Enqueue(kind.Name, List.contains code kind.Right, code, (Stopwatch.GetElapsedTime start).TotalMilliseconds)

let private run (effort: Effort) tell =
    let seconds = max 5.0 (600.0 * effort.Scale)
    let port = freePort ()
    let address = $"http://127.0.0.1:{port}"
    let host = Environment.ProcessPath

    use service =
        Process.Start(
            ProcessStartInfo(
                host,
                [ program (); Runs.shortRun effort; "--urls"; address ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )
        )

    service.OutputDataReceived.Add ignore
    service.ErrorDataReceived.Add(fun line -> if not (String.IsNullOrEmpty line.Data) then eprintfn $"service: {line.Data}")
    service.BeginOutputReadLine()
    service.BeginErrorReadLine()

    try
        use client = new HttpClient(BaseAddress = Uri address, Timeout = TimeSpan.FromMinutes 1.0)
        waitUntilReady client service
        let kinds = kinds port (EmojiDataset.Open())
        let answers = ConcurrentQueue()
        let watch = Stopwatch.StartNew()
        use gauges = new Gauges(service.Id)

        gauges.While(fun () ->
            [| for number in 1..clients ->
                   Task.Factory.StartNew(
                       (fun () -> send client kinds (fun () -> watch.Elapsed.TotalSeconds > seconds) answers number),
                       TaskCreationOptions.LongRunning
                   ) |]
            |> Task.WaitAll)

        let wrong =
            [ for kind, isRight, code, _ in answers do
                  if not isRight then $"{kind}: {code}" ]
            |> List.countBy id

        let times =
            [| for kind, _, code, time in answers do
                   if kind = "good" && code = 200 then time |]

        let busy = answers |> Seq.filter (fun (_, _, code, _) -> code = 503) |> Seq.length
        let isAlive = (List.head kinds).Send client (Random 1) = 200
        let p50, p99 = Growth.percentile 0.5 times, Growth.percentile 0.99 times
        let unexpected = String.concat ", " [ for what, count in wrong -> $"; WRONG {what} {count} times" ]

        tell (
            gauges.Row(
                $"{clients} clients, {seconds:F0} s",
                wrong.IsEmpty && isAlive && times.Length > 0,
                $"{answers.Count} requests, {times.Length} good ones answered in {p50:F0} ms (p50), {p99:F0} ms (p99), {busy} told to come later{unexpected}",
                [ "requests", float answers.Count
                  "good", float times.Length
                  "busy", float busy
                  "good_ms_p50", p50
                  "good_ms_p99", p99
                  "wrong", float (List.sumBy snd wrong) ]
            )
        )
    finally
        service.Kill true
        service.WaitForExit()

let checks = [ Check.plain "service" "the sample under 16 clients for ten minutes: good, bad, huge and slow bodies" run ]
