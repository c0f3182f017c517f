/// The commands that write, on small inputs.
module CondEmbed.Faults.Works

open System
open System.IO
open CondEmbed.Datasets
open CondEmbed.Interchange

let private kept = lazy Directory.CreateTempSubdirectory("condembed-faults-inputs-").FullName

let removeInputs () = if kept.IsValueCreated then Directory.Delete(kept.Value, true)

/// Something made once, from which the cases read.
let private input name (make: string -> unit) =
    lazy
        (let path = Path.Combine(kept.Value, name)
         make path
         path)

let private made folder arguments =
    let ended = Child.run folder (Child.condembed arguments)
    Work.demand (ended.Code = 0) ended.Everything

/// Twelve classes of four images.
let images =
    input "images" (fun path ->
        let emoji = EmojiDataset.Open()
        let classes = emoji.Items |> Seq.map _.Label |> Seq.distinct |> Seq.truncate 12 |> Set

        for _, ofClass in
            emoji.Items
            |> Seq.indexed
            |> Seq.filter (fun (_, item) -> classes.Contains item.Label)
            |> Seq.groupBy (fun (_, item) -> item.Label) do
            for index, item in Seq.truncate 4 ofClass do
                let file = Path.Combine(path, item.Path)
                Directory.CreateDirectory(string (Path.GetDirectoryName file)) |> ignore
                File.WriteAllBytes(file, emoji.Read index))

let private settings others =
    [ for key, value in
          [ "size", "32"
            "batch", "8"
            "per_class", "2"
            "steps", "6"
            "embedding", "16"
            "heads", "2"
            "levels", "1"
            "evaluate_every", "3"
            "save_every", "2"
            "device", "cpu"
            "threads", "1"
            "workers", "1" ]
          @ others do
          "--set"
          $"{key}={value}" ]

let private trained name seed =
    input name (fun path ->
        made
            kept.Value
            ([ "train"; images.Value; "--out"; path ]
             @ settings [ "steps", "2"; "report", "false"; "seed", seed ]))

/// A finished run.
let model = trained "model" "0"

let private otherModel = trained "other-model" "1"

let private embeddings =
    input "embeddings.csv" (fun path ->
        let random = Random 1
        let values = [| for _ in 1..400 -> float32 (random.NextDouble()) |]
        EmbeddingFiles.Write(path, EmbeddingTable(values, 100, 4, null, [| for row in 1..100 -> $"class {row % 20}" |])))

let private plain name arguments results =
    { Name = name
      Arguments = arguments
      Again = fun _ -> arguments
      Results = results
      Digest = Work.sha
      Saves = false
      Through = [] }

/// Ends as a page does; what it says includes times.
let private page name arguments file =
    { plain name arguments [ file ] with
        Digest = fun path -> if File.ReadAllText(path).TrimEnd().EndsWith "</html>" then "a whole page" else "half a page" }

let trainOn (images: string) name others =
    let arguments = [ "train"; images; "--out"; "run" ] @ settings others

    { plain name arguments [ "run/last*.safetensors"; "run/best*.safetensors" ] with
        Again = fun folder -> if File.Exists(Path.Combine(folder, "run", "config.toml")) then [ "train"; "--resume"; "run" ] else arguments
        Saves = true }

let train = lazy trainOn images.Value "train" []

/// The same with a file of decoded images.
let cached = lazy trainOn images.Value "cache" [ "cache", "pixels"; "report", "false" ]

/// The same with a file of the frozen stages' maps.
let private trunk =
    lazy trainOn images.Value "trunk" [ "trunk_cache", "maps"; "trunk_views", "2"; "freeze", "conv1*,bn1*,layer1*"; "report", "false" ]

/// Two processes, each with half of every batch.
let underMpi (mpirun: string) =
    let options = if mpirun.EndsWith "openmpi" then [ "--allow-run-as-root"; "--oversubscribe" ] else []

    { trainOn images.Value mpirun [ "steps", "12"; "report", "false" ] with
        Through = mpirun :: options @ [ "-np"; "2" ] }

let private onCpu = [ "--device"; "cpu"; "--threads"; "1" ]
let embed = lazy plain "embed" ([ "embed"; model.Value; images.Value; "--out"; "e.parquet" ] @ onCpu) [ "e.parquet" ]

let private npy =
    lazy plain "npy" ([ "embed"; model.Value; images.Value; "--out"; "e.npy" ] @ onCpu) [ "e.npy"; "e.labels.csv" ]

let shard (part: string) =
    plain
        "shard"
        ([ "embed"; model.Value; images.Value; "--out"; "shards"; "--shard"; part ] @ onCpu)
        [ "shards/*.parquet"; "shards/*.json" ]

let index = lazy plain "index" ([ "index"; model.Value; images.Value; "--store"; "x.index" ] @ onCpu) [ "x.index" ]

/// A command that measures embeddings, without a network: the quickest.
let private classes = lazy plain "classes" [ "metrics"; embeddings.Value; "--per-class"; "c.csv" ] [ "c.csv" ]

/// Two runs, a small one after the other.
let private study =
    lazy
        (let file = Path.Combine(kept.Value, "study.toml")
         let setting (words: string) = words.Split('=', 2) |> fun pair -> $"{pair[0]} = {CondEmbed.Options.TomlSettings.Literal pair[1]}"

         let base' =
             settings [ "data", images.Value; "steps", "2"; "evaluate_every", "0" ]
             |> List.filter (fun word -> word <> "--set")
         // What is given twice counts the last time.
         let lines = base' |> List.rev |> List.distinctBy (fun words -> words.Split('=')[0]) |> List.map setting

         File.WriteAllLines(
             file,
             [ "seeds = 1"; "[base]" ]
             @ lines
             @ [ "[arms.baseline]"; "levels = 0"; "[arms.conditional]"; "levels = 1" ]
         )

         { plain "study" [ "study"; file; "--out"; "out" ] [ "out/*/seed-0/last.safetensors" ] with
             Saves = true
             Digest = Work.tensors })

let private query = lazy (Directory.GetFiles(images.Value, "*", SearchOption.AllDirectories) |> Array.min)

let all: (string * Lazy<Work>) list =
    [ "train", train
      "cache", cached
      "trunk", trunk
      "embed", embed
      "npy", npy
      "shard", lazy shard "1/2"
      "index", index
      "onnx", lazy plain "onnx" [ "export"; model.Value; "--onnx"; "x.onnx" ] [ "x.onnx" ]
      "weights", lazy plain "weights" [ "export"; model.Value; "--safetensors"; "x.safetensors" ] [ "x.safetensors" ]
      "card", lazy plain "card" [ "card"; model.Value; "--out"; "card.md" ] [ "card.md" ]
      "page", lazy page "page" [ "compare"; model.Value; otherModel.Value; "--out"; "page.html" ] "page.html"
      "preview", lazy plain "preview" [ "preview"; images.Value; "--out"; "p.png" ] [ "p.png" ]
      "study", study
      "explain",
      lazy plain "explain" [ "explain"; model.Value; query.Value; query.Value; "--out"; "pair.png"; "--device"; "cpu" ] [ "pair.png" ]
      "found",
      lazy
          page
              "found"
              ([ "search"; model.Value; "--gallery"; images.Value; "--query"; query.Value; "--html"; "found.html" ]
               @ onCpu)
              "found.html"
      "inspect", lazy plain "inspect" [ "data"; "inspect"; images.Value; "--out"; "sheet.png" ] [ "sheet.png" ]
      "import",
      lazy
          plain
              "import"
              [ "weights"; "import"; Path.Combine(model.Value, "last.safetensors"); "--out"; "w.safetensors" ]
              [ "w.safetensors" ]
      "init", lazy plain "init" [ "config"; "--init"; "run.toml"; "--force" ] [ "run.toml" ]
      "classes", classes ]
