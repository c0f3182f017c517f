/// `condembed export`: a run's network as files for other programs, each compared with the network before it gets its name.
module CondEmbed.Cli.ExportCommand

open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.WeightFiles
open CondEmbed.Models
open CondEmbed.Export
open CondEmbed.Onnx

[<RequireQualifiedAccess>]
type ExportArgument =
    | [<MainCommand; Mandatory; Unique; Help "the run's folder, or a model file">] Run of RUN: string
    | [<Unique; Help "an .onnx file: bytes of images in, embeddings out; compared with the network on real images before it is kept">] Onnx of
        FILE: string
    | [<Unique; Help "with --onnx: weights as int8, a quarter of the size; the loss in accuracy is measured on the run's test classes">] Int8
    | [<Unique; Help "a .safetensors file with names that Python programs know; its metadata says how to rebuild the network">] Safetensors of
        FILE: string
    | [<Unique; Help "with --safetensors: whose names, timm or torchvision; by default those that the encoder uses here">] Names of
        PROGRAM: string
    | [<Unique>] Best
    | [<Unique>] Json
    | [<Unique>] Device of D: string
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed export runs/first --onnx first.onnx", "for ONNX Runtime, in C#, Python or a browser"
      "condembed export runs/first --onnx small.onnx --int8", "a quarter of the size, with the loss in Recall@1"
      "condembed export runs/first --safetensors first.safetensors --best", "for PyTorch, under torchvision's or timm's names" ]

let private demandEnding ending option (file: string) =
    if Path.GetExtension file <> ending then refuse $"{option} {file}: name a {ending} file; that is what is written."

    AtomicFile.Check file

let private scientific (x: float) = x.ToString "0.0e-0"

let private printOnnx (exported: OnnxExported) =
    let check = exported.Check
    Output.result $"{exported.File}  {Readable.Count exported.Bytes} bytes, fingerprint {exported.Fingerprint.Substring(0, 16)}"

    if not (isNull exported.Missing) then
        Output.result $"compared on bundled emoji instead of the run's own test images: {exported.Missing}"

    Output.result
        $"compared with the network on {check.Images} images of {check.Source}: numbers differ by at most {scientific check.Greatest}, cosines by {scientific check.GreatestOfCosines}"

    if check.SameNeighbours = check.Images then
        Output.result $"the {check.Neighbours} nearest of each are the same"
    else
        Output.result
            $"the {check.Neighbours} nearest are the same for {check.SameNeighbours} of {check.Images}; in all {Readable.Percent check.SharedNeighbours} %% of them; cosines of those in each other's place are at most {scientific check.WidestSwap} apart"

/// What int8 costs in accuracy, if that was measured.
let private printCost (exported: OnnxExported) =
    Output.result $"int8: least cosine with the network's own embedding {exported.Check.LeastCosine:F5}"

    if isNull exported.Before then
        Output.result "int8: the loss in Recall@1 was not measured, because the run's own test images are missing"
    else
        let line name (before: float) (after: float) =
            let change = (100.0 * (after - before)).ToString "+0.00;-0.00;0.00"
            Output.result $"int8: {name} (%%) of the test classes {Readable.Percent before} -> {Readable.Percent after} ({change})"

        line "Recall@1" (exported.Before.Recall 1) (exported.After.Recall 1)
        line "MAP@R" exported.Before.MapAtR exported.After.MapAtR

let private document int8 (exported: OnnxExported) =
    let metrics (measured: Evaluation.RetrievalMetrics) =
        if isNull measured then null else dict [ "recall@1", measured.Recall 1; "map_at_r", measured.MapAtR ]

    dict
        [ "file", box exported.File
          "bytes", box exported.Bytes
          "weights", box (if int8 then "int8" else "float32")
          "fingerprint", box exported.Fingerprint
          "check", box exported.Check
          "network", box (metrics exported.Before)
          "exported", box (metrics exported.After)
          "data_missing", box exported.Missing ]

let private onnx stop (arguments: ParseResults<ExportArgument>) model file =
    let options =
        OnnxExportOptions(Int8 = arguments.Contains ExportArgument.Int8, Workers = arguments.GetResult(ExportArgument.Workers, 0))

    let openOnnx = fun (file: string) -> OnnxModel.Load file :> IEmbeddingNetwork
    Output.withProgress (fun progress -> OnnxExport.Write(model, file, openOnnx, options, progress, stop))

let run (stop: CancellationToken) (arguments: ParseResults<ExportArgument>) =
    let run = arguments.GetResult ExportArgument.Run

    if Path.GetExtension run = ".onnx" then refuse $"{run}: is an export already; give the run that it was made from."

    let onnxFile, safetensors = arguments.TryGetResult ExportArgument.Onnx, arguments.TryGetResult ExportArgument.Safetensors
    let int8, asJson = arguments.Contains ExportArgument.Int8, arguments.Contains ExportArgument.Json

    if onnxFile.IsNone && safetensors.IsNone then
        refuse $"{run}: say what to write: --onnx FILE, --safetensors FILE, or both."

    if int8 && onnxFile.IsNone then refuse "--int8: is for --onnx; safetensors keep float32."

    if arguments.Contains ExportArgument.Names && safetensors.IsNone then
        refuse "--names: is for --safetensors; an ONNX model has no names to choose."

    Option.iter (demandEnding ".onnx" "--onnx") onnxFile
    Option.iter (demandEnding ".safetensors" "--safetensors") safetensors

    use model =
        EmbeddingModel.Load(run, arguments.GetResult(ExportArgument.Device, "auto"), arguments.Contains ExportArgument.Best)

    use files = AtomicFiles.Together()

    let written =
        safetensors
        |> Option.map (fun file -> SafetensorsExport.Write(model, file, Option.toObj (arguments.TryGetResult ExportArgument.Names)))

    let exported = onnxFile |> Option.map (onnx stop arguments model)
    files.Commit()

    if asJson then
        dict
            [ for one in Option.toList exported -> "onnx", box (document int8 one)
              for one in Option.toList written -> "safetensors", box one ]
        |> Output.json
    else
        for one in Option.toList exported do
            printOnnx one
            if int8 then printCost one

        for one in Option.toList written do
            Output.result $"{one.File}  {one.Tensors} tensors under {one.Names}'s names and '{SafetensorsExport.Head}'"
