/// `condembed explain`: where a run's levels look in two images, each in the light of the other.
module CondEmbed.Cli.ExplainCommand

open System.IO
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Options
open CondEmbed.Pairs
open CondEmbed.Interop

[<RequireQualifiedAccess>]
type ExplainArgument =
    | [<MainCommand;
        Mandatory;
        Help "the run's folder (or a model file with its levels beside it), then two images: files, or names from a bundled set, such as emoji:ghost/noto.png">] Explain_What of
        RUN_AND_TWO_IMAGES: string list
    | [<Unique; Help "a PNG file: both images, and a row of attention maps for each level">] Out of FILE: string
    | [<Unique; Help "also draw the map of each head, next to the mean of all heads">] Heads
    | [<Unique; Help "similarities and maps as one JSON document on standard output, and nothing else">] Json
    | [<Unique>] Best
    | [<Unique>] Device of D: string

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed explain runs/first a.jpg b.jpg --out pair.png", "where the levels look in each image, in the light of the other"
      "condembed explain runs/first emoji:ghost/noto.png emoji:alien/noto.png --out pair.png --heads", "every head, for bundled images"
      "condembed explain runs/first a.jpg b.jpg --json", "similarities and maps as numbers" ]

/// SET:PATH from a bundled set, or a file.
let private read (settings: RunSettings) (image: string) =
    let set = image.Split(':')[0]

    let source, item =
        if ImageDatasets.IsEmbedded set && image.Length > set.Length then
            let images, name = ImageDatasets.Open set, image.Substring(set.Length + 1)

            match images.Items |> Seq.tryFindIndex (fun item -> item.Path = name) with
            | Some item -> images, item
            | None ->
                let example = images.Items[0].Path

                refuse $"{image}: {set} has no such image; its names look like {set}:{example}, and 'condembed search' shows them."
        elif File.Exists image then
            FileDataset(image, [| ImageItem(image, "", Datasets.Role.Unassigned) |], [| image |]), 0
        else
            refuse $"{image}: there is no such file; give two images after the run."

    ImageReader(source, Views.Decoder((Limits.over settings).Host)).Read item

/// T weights of an image as rows.
let private rowsOf (look: PairAttention) (weights: float32 array) = Array.chunkBySize look.Columns weights

let private document (run: string) (first: string) (second: string) (pair: PairExplanation) =
    {| Run = run
       First = first
       Second = second
       Unconditional = pair.Similarity.Unconditional
       Mean = pair.Similarity.Mean
       Levels =
        [| for look, similarity in Seq.zip pair.Levels pair.Similarity.Levels ->
               {| Similarity = similarity
                  Rows = look.Rows
                  Columns = look.Columns
                  First = rowsOf look look.FirstMean
                  Second = rowsOf look look.SecondMean
                  FirstHeads = [| for head in look.First -> rowsOf look head |]
                  SecondHeads = [| for head in look.Second -> rowsOf look head |] |} |] |}

let private print (pair: PairExplanation) =
    printfn $"unconditional {pair.Similarity.Unconditional, 7:F4}"

    for level, (look, similarity) in Seq.indexed (Seq.zip pair.Levels pair.Similarity.Levels) do
        printfn $"level {level + 1}       {similarity, 7:F4}  {look.Rows} x {look.Columns} locations"

let run (arguments: ParseResults<ExplainArgument>) =
    let asJson, out = arguments.Contains ExplainArgument.Json, arguments.TryGetResult ExplainArgument.Out
    Option.iter ImageEncoder.CheckPng out

    match arguments.GetResult ExplainArgument.Explain_What, out with
    | [ _; _; _ ], None when not asJson -> refuse "say where the image goes, as in --out pair.png; or --json for numbers."
    | [ run; first; second ], _ ->
        use model =
            ConditionalModel.Load(run, arguments.GetResult(ExplainArgument.Device, "auto"), arguments.Contains ExplainArgument.Best)

        let pair = (let read = read model.Embedding.Settings in model.Explain(read first, read second))

        out
        |> Option.iter (fun file ->
            let name (image: string) = Path.GetFileName image
            ImageEncoder.SavePng(PairSheet.Draw(pair, name first, name second, arguments.Contains ExplainArgument.Heads), file))

        if asJson then
            Output.json (document run first second pair)
        else
            print pair
            Option.iter (Path.GetFullPath >> printfn "%s") out
    | given, _ -> refuse $"{given.Length} names given: give a run and two images, as in: condembed explain RUN A.jpg B.jpg --out pair.png"
