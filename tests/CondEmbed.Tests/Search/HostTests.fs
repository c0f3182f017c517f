/// Hosts that know .NET's own interfaces alone: generators, options, health, logs, spans and numbers.
module CondEmbed.Tests.HostTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open SkiaSharp
open CondEmbed.Extensions.AI
open CondEmbed.Images
open CondEmbed.Onnx
open CondEmbed.Runs
open CondEmbed.Search
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ExportSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private encoded number = ImageEncoder.Png images.Value[number]

let private generator =
    testList
        "generator"
        [ test "a host that knows the interface alone gets what the network makes, in order, and in batches" {
              let network = new FakeNetwork()
              use generator = EmbeddingGenerators.AsIEmbeddingGenerator(network, null, null)
              let rows = DotnetUser.Embed(generator, [ for i in 0..9 -> encoded i ], CancellationToken.None) |> got
              Expect.equal [ for row in rows -> List.ofArray row ] [ for i in 0..9 -> List.ofArray (slow images.Value[i]) ] "rows"
              Expect.equal (List.ofSeq network.Batches) [ 4; 4; 2 ] "batches"
              Expect.isEmpty (DotnetUser.Embed(generator, [], CancellationToken.None) |> got) "none"
              Expect.equal (HostUser.Describe generator) (struct ("condembed", "condembed-means", Nullable 3)) "metadata"
              generator.Dispose()
              Expect.equal network.Disposals 1 "the network that it took over"
          }

          test "a generator of an embedder leaves it to its owner" {
              fake (fun network embedder ->
                  (EmbeddingGenerators.AsIEmbeddingGenerator(embedder, "shop")).Dispose()
                  Expect.equal (embedder.Embed(images.Value[0]).Length, network.Disposals) (3, 0) "still there")
          }

          test "bad images are named, other dimensions and models refused, and cancellation ends the wait" {
              fake (fun network embedder ->
                  use generator = EmbeddingGenerators.AsIEmbeddingGenerator(embedder, "shop")
                  let embed images stop () = DotnetUser.Embed(generator, images, stop) |> got |> ignore
                  rejects [ "image 1" ] (embed [ "no image"B ] CancellationToken.None)
                  rejects [ "image 2" ] (embed [ encoded 1; "no image"B ] CancellationToken.None)

                  for dimension, model, words in [ Nullable 4, null, "3 numbers, not 4"; Nullable(), "other", "the model shop, not other" ] do
                      let problem =
                          Expect.throwsC (fun () -> HostUser.Ask(generator, dimension, model).GetAwaiter().GetResult()) (fun problem ->
                              problem.Message)

                      Expect.stringContains problem words "refused"

                  HostUser.Ask(generator, Nullable 3, "shop").Wait()

                  throws<OperationCanceledException> (embed [ encoded 1 ] (CancellationToken true)) "one"
                  throws<OperationCanceledException> (embed [ encoded 1; encoded 2 ] (CancellationToken true)) "many"

                  use stop = new CancellationTokenSource()
                  network.Gate.Reset()
                  let waiting = DotnetUser.Embed(generator, [ encoded 1 ], stop.Token)
                  network.Entered.Wait()
                  stop.Cancel()
                  throws<OperationCanceledException> (fun () -> got waiting |> ignore) "while the network is busy"
                  network.Gate.Set())
          }

          test "Microsoft's cache and telemetry work round it" {
              let struct (embedded, spans, same) = HostUser.EmbedThroughMiddleware(new FakeNetwork(), encoded 0, encoded 1) |> got

              Expect.equal (embedded, spans, same) (2.0, 2, true) "the second time the first image comes from the cache"
          }

          test "an exported network embeds as the run does" {
              inFolder (fun folder ->
                  use model = untrained [ "size", "32"; "embedding", "16" ]
                  let file = Path.Combine(folder, "a.onnx")
                  writeOnnx file false model
                  let view = (model :> IEmbeddingNetwork).View.Apply(images.Value[3]).Pixels
                  let expected = (model :> IEmbeddingNetwork).Embed(view, 1)
                  use generator = EmbeddingGenerators.AsIEmbeddingGenerator(openOnnx file, null, null)
                  let rows = DotnetUser.Embed(generator, [ encoded 3 ], CancellationToken.None) |> got
                  expectNear 1e-5 expected rows[0] "embedding")
          } ]

let private startIn root kind settings =
    let settings = Dictionary<string, string>(dict [ for key, value in settings -> "Images:" + key, value ])
    HostUser.Start(kind, settings, (fun () -> new FakeNetwork() :> IEmbeddingNetwork), root) |> got

let private start kind settings = startIn null kind settings

/// What is not there, in the content root of a host that names no other.
let private none = Path.GetFullPath "none"

let private options =
    testList
        "options"
        [ test "a host with wrong options does not start, and says all that is wrong" {
              for kind, settings, words in
                  [ "onnx",
                    [ "File", "none.onnx"; "Network:Threads", "-1" ],
                    [ $"Images:File: {none}.onnx: no such file"; "Images:Network:Threads: must be 0 or more, not -1" ]
                    "onnx",
                    [ "Fiel", "a"
                      "Network:Thread", "2"
                      "Embedder:BatchSize", "many"
                      "Embedder:Decoder", "x"
                      "Shop", "y"
                      "Network:Threads", "-1" ],
                    [ "Images:Fiel: no such option (did you mean 'File'?)"
                      "Images:File: is missing"
                      "Images:Network:Thread: no such option (did you mean 'Threads'?)"
                      "Images:Network:Threads: must be 0 or more, not -1"
                      "Images:Embedder:BatchSize: must be a whole number, not 'many'"
                      "Images:Embedder:Decoder: no such option; there are BatchSize, Workers"
                      "Images:Shop: no such option; there are File, Network, Embedder" ]
                    "onnx", [ "Network", "4"; "File:Name", "x" ], [ "Images:Network: has options of its own"; "Images:File: is one value" ]
                    "onnx", [], [ "Images: the configuration has no such section"; "Images:File: is missing" ]
                    "run",
                    [ "Run", "none"; "Embedder:Workers", "-2"; "Best", "perhaps"; "Device", "gpu" ],
                    [ $"Images:Run: {none}: no such file or folder"
                      "Images:Embedder:Workers"
                      "Images:Best: must be true or false, not 'perhaps'"
                      "Images:Device: 'gpu' is not a device; choose auto, cpu, cuda or cuda:N" ]
                    "index", [ "File", "none.index" ], [ $"Images:File: {none}.index: no such file; build the index" ]
                    "index file", [ "File", "none.index" ], [ "file: none.index: no such file; build the index with ImageIndex" ]
                    "run file",
                    [ "File", "none"; "Device", "gpu"; "BatchSize", "-1" ],
                    [ "run: none: no such file or folder; name the folder of a run"
                      "device: 'gpu' is not a device; choose auto, cpu, cuda or cuda:N"
                      "options.BatchSize: must be 0 or more, not -1" ]
                    "onnx file",
                    [ "File", "none.onnx"; "Threads", "-2"; "BatchSize", "-1" ],
                    [ "file: none.onnx: no such file; create it with OnnxExport.Write"
                      "network.Threads: must be 0 or more, not -2"
                      "options.BatchSize: must be 0 or more, not -1" ]
                    "network given", [ "BatchSize", "-1" ], [ "options.BatchSize: must be 0 or more, not -1" ]
                    "index", [ "File", "."; "Fiel", "x" ], [ "Images:Fiel: no such option (did you mean 'File'?)"; "is a folder" ]
                    "network",
                    [ "BatchSize", "-1"; "Batch", "3" ],
                    [ "Images:BatchSize: must be 0 or more, not -1"; "Images:Batch: no such option" ] ] do
                  let said = start kind settings
                  Expect.isNotNull said $"{kind} {settings}"

                  for word in words do
                      Expect.stringContains said word kind
          }

          test "right options reach the services" {
              inFolder (fun folder ->
                  let file = indexOfOne folder
                  Expect.equal [ for kind in [ "index"; "index file" ] -> start kind [ "File", file ] ] [ "1"; "1" ] "index"
                  Expect.equal [ for kind in [ "network"; "network given" ] -> start kind [ "BatchSize", "7" ] ] [ "7"; "7" ] "batch"
                  let run = Path.Combine(folder, "run.safetensors")
                  File.WriteAllText(run, "")

                  Expect.isNull
                      (start "run" [ "Run", run; "Device", "cpu"; "Embedder:batchsize", "3" ])
                      "loaded when it is first asked for"

                  for kind in [ "run file"; "onnx file" ] do
                      Expect.isNull (start kind [ "File", run; "BatchSize", "3" ]) "the same")
          }

          test "a relative file begins in the host's content root" {
              inFolder (fun folder ->
                  use index = new ImageIndex(3, "means")
                  index.Save(Path.Combine(folder, "a.index"))
                  Expect.equal (startIn folder "index" [ "File", "a.index" ]) "0" "beside the host's settings"
                  File.WriteAllText(Path.Combine(folder, "run.safetensors"), "")
                  Expect.isNull (startIn folder "run" [ "Run", "run.safetensors" ]) "a run"
                  let said = startIn folder "onnx" [ "File", "b.onnx" ]
                  Expect.stringContains said (Path.Combine(folder, "b.onnx") + ": no such file") "the full path")
          } ]

let private health =
    test "the health check embeds an image and opens the index, and the log has what happened" {
        inFolder (fun folder ->
            let file = indexOfOne folder
            let check (network: unit -> IEmbeddingNetwork) (file: string) = HostUser.Health(network, file, "no image"B) |> got
            let fake () : IEmbeddingNetwork = new FakeNetwork()
            let struct (good, log) = check fake file
            Expect.equal good "Healthy: one image was embedded 1 3 means" "with an index"
            Expect.stringStarts log[0] "Information: Embeddings of 3 numbers by the network means" "the network"
            Expect.stringStarts log[1] "Information: 1 images in the index" "the index"
            Expect.stringStarts log[2] "Warning: bad.png: " "the bad image"
            let struct (alone, _) = check fake null
            Expect.equal alone "Healthy: one image was embedded 3 means" "without"
            let struct (lost, _) = check fake (Path.Combine(folder, "none.index"))
            Expect.stringContains lost "none.index" "no index"
            Expect.stringStarts lost "Unhealthy" "status"
            let struct (broken, _) = check (fun () -> invalidOp "no weights") null
            Expect.stringStarts broken "Unhealthy: no weights" "no network")
    }

let private telemetry =
    testList
        "telemetry"
        [ test "spans and numbers of embedding and searching" {
              inFolder (fun folder ->
                  let paths = writeImages folder
                  let bad = Path.Combine(folder, "bad.png")
                  File.WriteAllText(bad, "no image")

                  fake (fun _ embedder ->
                      use listening = new Listening "CondEmbed"
                      let row = embedder.EmbedAsync(paths[0]) |> got
                      rejects [ "bad.png" ] (fun () -> embedder.Embed(bad: string) |> ignore)
                      let counts = [ "embed"; "decode"; "search" ]
                      let measured () = [ for name in counts -> listening.CountOf $"condembed.{name}.duration" ]

                      Expect.equal
                          (List.ofSeq listening.Spans)
                          [ "condembed.embed/condembed.decode Unset"
                            "/condembed.embed Unset"
                            "condembed.embed/condembed.decode Error"
                            "/condembed.embed Error" ]
                          "spans"

                      Expect.equal (measured ()) [ 2; 2; 0 ] "durations"
                      let many = embedder.EmbedAsync(paths :> IReadOnlyList<string>) |> got
                      Expect.equal many.Count 20 "embedded"
                      rejects [ "bad.png" ] (fun () -> embedder.EmbedAsync([| bad |] :> IReadOnlyList<string>) |> got |> ignore)
                      Expect.equal (measured ()) [ 4; 23; 0 ] "durations of many"
                      use index = new ImageIndex(3, "means")
                      index.Add(IndexItem "a", row)
                      index.Search(row, 1) |> ignore
                      Expect.equal (measured ()) [ 4; 23; 1 ] "durations with a search"
                      Expect.equal (Seq.last listening.Spans) "/condembed.search Unset" "its span"
                      Expect.equal (listening.SumOf "condembed.images", listening.SumOf "condembed.bad_images") (21.0, 2.0) "counters"
                      Expect.isGreaterThan (listening.SumOf "condembed.embed.duration") 0.0 "seconds"))
          }

          test "a step of training is a span" {
              inFolder (fun folder ->
                  use listening = new Listening "CondEmbed"
                  let options = Options.Tiny(imageFolder.Value, Path.Combine(folder, "run"))
                  Trainer.TrainAsync options |> got |> ignore
                  Expect.equal (listening.CountOf "condembed.train_step.duration") 6 "durations"
                  let steps = listening.Spans |> Seq.filter ((=) "/condembed.train_step Unset") |> Seq.length
                  Expect.equal steps 6 "spans")
          } ]

let tests = testList "Hosts" [ generator; options; health; telemetry ]
