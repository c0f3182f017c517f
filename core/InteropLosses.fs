namespace CondEmbed.Interop

open System.Collections.Generic
open CondEmbed
open CondEmbed.Losses
open TorchSharp

/// A setting of a loss: its key, its default as it would be written, what it takes and what it means.
[<Sealed>]
type LossSetting internal (setting: Setting) =
    member _.Key = setting.Key
    member _.Default = string setting.Default
    member _.Takes = if setting.IsNumber then Setting.rangeText setting.Range else "a name"
    member _.Meaning = setting.Meaning

/// A loss that can be asked for by name.
[<Sealed>]
type LossDescription internal (part: Part<Loss>) =
    let needs = Part.make "loss" All.all 2 2 { Name = part.Name; Given = Map.empty } |> Loss.needsMore

    member _.Name = part.Name
    member _.Source = part.Source
    /// It compares images by their similarities alone, so levels and memory can use it; otherwise it needs the embeddings or learns proxies.
    member _.OnSimilarities = needs.IsNone
    /// What it does beside comparing similarities (`compares images with proxies`); empty if nothing.
    member _.Needs = needs |> Option.defaultValue ""
    member _.Settings: IReadOnlyList<LossSetting> = [| for setting in part.Settings -> LossSetting setting |]

/// A part that a setting of a loss can name: a miner, a reducer or a distance.
[<Sealed>]
type LossChoice internal (kind: string, name: string, source: string, settings: Setting list) =
    member _.Kind = kind
    member _.Name = name
    member _.Source = source
    member _.Settings: IReadOnlyList<LossSetting> = [| for setting in settings -> LossSetting setting |]

/// The value of a loss, and its gradient by the embeddings and by each parameter of its own (`proxies`, `beta`), row after row.
[<Sealed>]
type LossResult internal (value: float, gradients: (string * float array array) list) =
    member _.Value = value

    member _.Gradients: IReadOnlyDictionary<string, float array array> =
        let all = OrderedDictionary<string, float array array>()

        for name, rows in gradients do
            all[name] <- rows

        all

/// Losses by name, for C#: what there is, and the value of one on given embeddings.
[<AbstractClass; Sealed>]
type LossFunctions private () =
    static let rows (x: Tensor) =
        let flat = x.detach().contiguous().data<float>().ToArray()
        let width = if x.dim () < 2L then 1 else int x.shape[1]
        Array.chunkBySize width flat

    static let matrix what (given: float array array) : Tensor =
        let width = if given.Length = 0 then 0 else given[0].Length

        if width = 0 then raise (InputException $"{what}: there are none.")

        for row, numbers in Seq.indexed given do
            if numbers.Length <> width then
                raise (InputException $"{what}: row {row} has {numbers.Length} numbers, row 0 has {width}.")

        torch.tensor(Array.concat given, dtype = float64, device = torch.CPU).reshape(int64 given.Length, int64 width)

    static let leaf (x: Tensor) = x.requires_grad_ true

    static let centresOf (terms: (float * Call) list) =
        terms
        |> List.tryPick (fun (_, call) ->
            let part = (Part.tryFind All.all call.Name).Value
            let own = part.Settings |> List.tryFind (fun s -> s.Key = "centres") |> Option.map _.Default

            match Map.tryFind "centres" call.Given |> Option.orElse own with
            | Some(Number centres) -> Some(int centres)
            | _ -> None)
        |> Option.defaultValue 1

    /// Every loss.
    static member All: IReadOnlyList<LossDescription> = [| for part in All.all -> LossDescription part |]

    /// Every miner, reducer and distance.
    static member Choices: IReadOnlyList<LossChoice> =
        [| for part in Miners.all -> LossChoice("miner", part.Name, part.Source, part.Settings)
           for part in Reducers.all -> LossChoice("reducer", part.Name, part.Source, part.Settings)
           for part in Distances.all -> LossChoice("distance", part.Name, part.Source, part.Settings) |]

    /// Value and gradients in float64. The loss is a name, a name with settings (`triplet(margin=0.3, miner=hard)`) or a weighted sum; the further
    /// settings (`distance`, `cosine`) hold for each part that has them. classWeights, C rows of D (C K with K centres a class), are the proxies of
    /// losses that have some, else null. Draws (distance-weighted) start from seed 0. InputException: what is wrong with the loss or the numbers.
    static member Evaluate
        (
            loss: string,
            settings: KeyValuePair<string, string> seq,
            embeddings: float array array,
            labels: int64 array,
            classWeights: float array array
        ) : LossResult =
        let read =
            [ for KeyValue(key, text) in settings do
                  match Expression.readValue text with
                  | Ok value -> Ok(key, value)
                  | Error problem -> Error $"{key}: {problem}" ]

        let unread =
            read
            |> List.choose (function
                | Error problem -> Some problem
                | Ok _ -> None)

        let settings =
            read
            |> List.choose (function
                | Ok pair -> Some pair
                | Error _ -> None)
            |> Map.ofList

        match All.read loss settings with
        | _ when not unread.IsEmpty -> raise (InputException unread)
        | Error problems -> raise (InputException [ for _, problem in problems -> problem ])
        | Ok terms ->
            Native.ensure ()

            scoped (fun () ->
                torch.manual_seed 0L |> ignore
                let x = matrix "embeddings" embeddings |> leaf

                if labels.Length <> embeddings.Length then
                    raise (InputException $"labels: there are {labels.Length} for {embeddings.Length} embeddings.")

                let proxies = classWeights |> Option.ofObj |> Option.map (matrix "class_weights")

                proxies
                |> Option.iter (fun p ->
                    if p.shape[1] <> x.shape[1] then
                        raise (InputException $"class_weights: rows of {p.shape[1]} numbers; the embeddings have {x.shape[1]}."))

                let classes =
                    match proxies with
                    | Some p -> int p.shape[0] / centresOf terms
                    | None -> if labels.Length = 0 then 0 else int (Array.max labels) + 1

                let layer = All.make loss settings classes (int x.shape[1]) |> Loss.onEmbeddings

                let parameters =
                    [ for spec in layer.Specs ->
                          match proxies with
                          | _ when not (spec.Name.EndsWith "proxies") ->
                              spec.Name, (Params.init 0L torch.CPU float64 [ spec ]).[spec.Name] |> leaf
                          | Some p when List.ofArray p.shape = spec.Shape -> spec.Name, p.clone () |> leaf
                          | Some p ->
                              raise (
                                  InputException $"class_weights: {shapeText p.shape} where the loss '{loss}' has {shapeText spec.Shape}."
                              )
                          | None ->
                              raise (
                                  InputException $"The loss '{loss}' compares with proxies: give class_weights, {shapeText spec.Shape}."
                              ) ]

                let problem = labels |> Array.tryFind (fun label -> label < 0L || (proxies.IsSome && label >= int64 classes))

                problem
                |> Option.iter (fun label -> raise (InputException $"labels: {label} is not within 0 and {classes - 1}."))

                let env = { Params = Params.ofSeq parameters; Mode = Training; Report = fun _ _ -> () }
                let value = layer.Forward env (x, torch.tensor (labels, dtype = int64', device = torch.CPU))
                let gradients = Grad.gradientsOrZero value (("embeddings", x) :: parameters)
                LossResult(toFloat value, [ for name, gradient in gradients -> name, rows gradient ]))
