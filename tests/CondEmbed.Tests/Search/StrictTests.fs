/// What callers are told who give null, use what was disposed of, or share a folder of stores with others.
module CondEmbed.Tests.StrictTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open CondEmbed.Extensions.AI
open CondEmbed.Images
open CondEmbed.Models
open CondEmbed.Onnx
open CondEmbed.Pairs
open CondEmbed.Postgres
open CondEmbed.Search
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ExportSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support

let private network = StoreNetwork("means", 128)

let private storeIn folder = new ImageVectorStore(IndexFolder folder, network, null)

let private nulls =
    test "null is refused under the name of the parameter that it was given for" {
        inFolder (fun folder ->
            fake (fun _ embedder ->
                use store = storeIn folder
                let said = StrictUser.Nulls(store, embedder, (writeImages folder)[0]) |> got
                Expect.isGreaterThan said.Count 25 "calls"

                for struct (wanted, named) in said do
                    Expect.equal named wanted "the parameter"

                Expect.isEmpty (Directory.GetFiles(folder, "*.index")) "nothing was stored"))
    }

/// What may not be null of the public methods and constructors of a library, as `PostgresStore.OpenAsync, address`.
let private unnullable (library: Reflection.Assembly) =
    let nullability = Reflection.NullabilityInfoContext()

    [ for kind in library.GetExportedTypes() |> Array.filter (fun kind -> not kind.IsEnum) do
          let own = Reflection.BindingFlags.DeclaredOnly ||| Reflection.BindingFlags.Public
          let methods = kind.GetMethods(own ||| Reflection.BindingFlags.Instance ||| Reflection.BindingFlags.Static)
          let calls = [ for method in methods -> method.Name, method :> Reflection.MethodBase ]

          for name, call in calls @ [ for made in kind.GetConstructors() -> "new", made ] do
              for parameter in call.GetParameters() do
                  if
                      nullability.Create(parameter).WriteState = Reflection.NullabilityState.NotNull
                      && not parameter.ParameterType.IsValueType
                  then
                      $"{kind.Name}.{name}, {parameter.Name}" ]

let private storeNulls =
    test "stores of every place refuse null, and of PostgreSQL's package nothing else can be given it" {
        inFolder (fun folder ->
            let file: IVectorStore = IndexFileStore.OpenOrCreate(Path.Combine(folder, "own.index"), network)
            let ofFiles = StrictUser.StoreNulls(IndexFolder folder, file) |> got
            file.DisposeAsync().AsTask().Wait()
            let address = pgliteAddress "nulls"
            let store = (PostgresStore.OpenOrCreateAsync(address, network) |> got) :> IVectorStore
            let ofTables = StrictUser.StoreNulls(PostgresDatabase address, store) |> got
            store.DisposeAsync().AsTask().Wait()
            PostgresDatabase(address).RemoveAsync("nulls").Wait()
            let ofPostgres = Seq.append ofTables (StrictUser.PostgresNulls address |> got)

            for struct (call, wanted, named) in Seq.append ofFiles ofPostgres do
                Expect.equal named wanted call

            let tried = [ for struct (call, wanted, _) in ofPostgres -> $"{call}, {wanted}" ] |> List.distinct |> List.sort
            Expect.equal tried (List.sort (unnullable typeof<PostgresStore>.Assembly)) "every parameter that may not be null")
    }

/// Expects that what is gone is named, and not a part of it.
let private gone name (call: unit -> unit) =
    let problem = Expect.throwsC call id

    match problem with
    | :? ObjectDisposedException as problem -> Expect.stringContains problem.ObjectName name "what is gone"
    | other -> failtest $"{other}"

let private disposed =
    testList
        "gone"
        [ test "a store that was disposed of names itself, whatever it is asked" {
              inFolder (fun folder ->
                  let said = StrictUser.StoreThatIsGone(storeIn folder) |> got
                  Expect.equal (List.ofSeq said) (List.replicate 10 "ImageVectorStore") "what is gone")
          }

          test "a store in a file" {
              inFolder (fun folder ->
                  let store: IVectorStore = IndexFileStore.OpenOrCreate(Path.Combine(folder, "a.index"), network)
                  store.DisposeAsync().AsTask().Wait()
                  let vector = ReadOnlyMemory(HostUser.Wide 1f)
                  gone "IndexFileStore" (fun () -> store.SearchAsync(vector, null) |> got |> ignore)
                  gone "IndexFileStore" (fun () -> store.GetAsync [| "a" |] |> got |> ignore)
                  gone "IndexFileStore" (fun () -> store.UpsertAsync([||]).GetAwaiter().GetResult())
                  gone "IndexFileStore" (fun () -> store.RemoveAsync [| "a" |] |> got |> ignore)
                  gone "IndexFileStore" (fun () -> store.CompleteAsync().GetAwaiter().GetResult()))
          }

          test "an exported network" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "a.onnx")
                  use model = untrained [ "size", "32"; "embedding", "8" ]
                  writeOnnx file false model
                  let exported = OnnxModel.Load file
                  let pixels = Array.zeroCreate<byte>(exported.View.Crop * exported.View.Crop * 3)
                  Expect.equal (exported.Embed(pixels, 1).Length) 8 "before"
                  (exported :> IDisposable).Dispose()
                  gone "OnnxModel" (fun () -> exported.Embed(pixels, 1) |> ignore))
          }

          test "a model, and one that was handed over to an embedder" {
              let picture = images.Value[0]
              let model = EmbeddingModel.Load(finishedRun [])
              use embedder = model.ToEmbedder()
              gone "EmbeddingModel" (fun () -> model.Embed picture |> ignore)
              gone "EmbeddingModel" (fun () -> model.ToEmbedder().Dispose())
              gone "EmbeddingModel" (fun () -> model.Save "none.safetensors")
              let problem = Expect.throwsC (fun () -> model.Embed picture |> ignore) (fun problem -> problem.Message)
              Expect.stringContains problem "handed over to an Embedder" "why"
              // It is the embedder's now.
              (model :> IDisposable).Dispose()
              Expect.equal (embedder.Embed(picture).Length) model.Dimension "the embedder goes on"
              let other = EmbeddingModel.Load(finishedRun [])
              let kept = other.Embed picture
              Expect.equal kept.Length other.Dimension "before"
              (other :> IDisposable).Dispose()
              (other :> IDisposable).Dispose()
              gone "EmbeddingModel" (fun () -> other.Embed picture |> ignore)
          }

          test "a model with levels" {
              let picture = images.Value[0]
              let model = ConditionalModel.Load(finishedRun [ "levels", "1" ])
              (model :> IDisposable).Dispose()
              gone "EmbeddingModel" (fun () -> model.Explain(picture, picture) |> ignore)
              gone "EmbeddingModel" (fun () -> model.Save "none.safetensors")
          } ]

let private turns =
    test "two stores of one folder write in turns, and lose nothing" {
        inFolder (fun folder ->
            use one = storeIn folder
            use other = storeIn folder
            let found = StrictUser.InTurns(one, other) |> got
            let expected = [ "red"; "blue"; "dark" ] @ [ for number in 5..13 -> string number ]
            Expect.equal (List.ofSeq found) (List.sort expected) "what the last one has"
            use third = storeIn folder
            Expect.equal (List.ofSeq (StrictUser.InTurns(third, one) |> got) |> List.length) 12 "what a third one reads, and writes again")
    }

let private beside =
    test "beside one that fills a file, its collection is there, writing waits, and who keeps it is told apart" {
        inFolder (fun folder ->
            let path = Path.Combine(folder, "shop.index")

            do
                use store = storeIn folder
                StrictUser.Beside(store, CancellationToken.None) |> got |> ignore

            let filling: IVectorStore = IndexFileStore.OpenOrCreate(path, network)
            use store = storeIn folder
            let watch = Stopwatch.StartNew()
            let struct (isThere, said) = StrictUser.Beside(store, CancellationToken.None) |> got
            Expect.isTrue isThere "it is only opened to be read"
            Expect.stringContains said "another store of this program" "who has it"
            Expect.isGreaterThan watch.Elapsed.TotalSeconds 4.0 "it waited"
            let waiting = StrictUser.Beside(store, CancellationToken.None)
            Thread.Sleep 200
            Expect.isFalse waiting.IsCompleted "it waits"
            filling.DisposeAsync().AsTask().Wait()
            Expect.equal (got waiting) (struct (true, null)) "written when the other one has closed it"

            // The lock of another program.
            use _ = new FileStream(path + ".filling", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)

            if OperatingSystem.IsLinux() then
                use stop = new CancellationTokenSource(300)

                Expect.throws (fun () -> StrictUser.Beside(store, stop.Token) |> got |> ignore) "the wait can be ended"

                rejects [ "another program is filling this index" ] (fun () -> IndexFileStore.OpenOrCreate(path, network) |> ignore))
    }

let private files =
    test "an image that is not there, and a folder, are called that, in one call and in many" {
        inFolder (fun folder ->
            fake (fun _ embedder ->
                let none = Path.Combine(folder, "none", "a.png")

                for path, words in [ none, "no such file"; folder, "is a folder" ] do
                    let expected = $"{path}: {words}."
                    Expect.equal (inputProblem (fun () -> embedder.Embed(path: string) |> ignore)) expected "one"
                    Expect.equal (inputProblem (fun () -> embedder.EmbedAsync(path: string) |> got |> ignore)) expected "one, later"

                    Expect.equal
                        (inputProblem (fun () ->
                            embedder.EmbedAsync([| path; path |] :> Collections.Generic.IReadOnlyList<string>) |> got |> ignore))
                        expected
                        "many"))
    }

let private remedies =
    test "what is not there says what makes it, and of which package" {
        rejects [ "none.onnx: no such file"; "OnnxExport.Write of the package CondEmbed"; "CondEmbed.Tool" ] (fun () ->
            OnnxModel.Load "none.onnx" |> ignore)

        inFolder (fun folder -> rejects [ folder; "is a folder"; "OnnxExport.Write" ] (fun () -> OnnxModel.Load folder |> ignore))

        for options, name in [ OnnxOptions(Threads = -1), "options.Threads"; OnnxOptions(BatchSize = -1), "options.BatchSize" ] do
            Expect.throwsC (fun () -> OnnxModel.Load(string Environment.ProcessPath, options) |> ignore) (fun problem ->
                Expect.stringContains problem.Message name "which option")

        rejects [ "none.index: no such file"; "IndexFileStore.OpenOrCreate"; "package CondEmbed" ] (fun () ->
            IndexFileStore.Open "none.index" |> ignore)
    }

let tests = testList "Strict" [ nulls; storeNulls; disposed; turns; beside; files; remedies ]
