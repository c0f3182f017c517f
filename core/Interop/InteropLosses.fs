namespace CondEmbed.Interop

open System
open System.Collections.Generic
open CondEmbed
open CondEmbed.Losses
open TorchSharp
open CondEmbed.Common

/// A setting of a loss: its key, its default as text, what it takes and what it means.
[<Sealed>]
type LossSetting internal (setting: Setting) =
    member _.Key = setting.Key
    member _.Default = string setting.Default
    member _.Takes = if setting.IsNumber then Setting.rangeText setting.Range else "a name"
    member _.Meaning = setting.Meaning

/// A loss that can be used by name.
[<Sealed>]
type LossDescription internal (part: Part<Loss>) =
    let loss = Part.make "loss" All.all 2 2 { Name = part.Name; Given = Map.empty }

    member _.Name = part.Name
    member _.Source = part.Source
    /// Why it cannot score conditional levels (`works on the embeddings themselves`); empty if it can, if only by proxies that it also has without levels.
    member _.NotForLevels = if Loss.isOnProxies loss then "" else Loss.notForLevels loss |> Option.defaultValue ""
    /// Why it cannot use a memory; empty if it can.
    member _.NotForMemory = Loss.notForMemory loss |> Option.defaultValue ""
    /// Whether pairs may have weights.
    member _.TakesWeights = List.contains part.Name All.weighted
    member _.Settings: IReadOnlyList<LossSetting> = [| for setting in part.Settings -> LossSetting setting |]

/// A part that a setting of a loss can name: a miner, a reducer, a distance, a score or a regulariser.
[<Sealed>]
type LossChoice internal (kind: string, name: string, source: string, settings: Setting list) =
    member _.Kind = kind
    member _.Name = name
    member _.Source = source
    member _.Settings: IReadOnlyList<LossSetting> = [| for setting in settings -> LossSetting setting |]

/// The value of a loss, and its gradient with respect to the embeddings and each parameter of its own (`proxies`, `beta`), row after row.
[<Sealed>]
type LossResult internal (loss: string, value: float, gradients: (string * float array array) list) =
    /// The loss with all settings that were given.
    member _.Loss = loss
    member _.Value = value

    member _.Gradients: IReadOnlyDictionary<string, float array array> =
        OrderedDictionary [ for name, rows in gradients -> KeyValuePair(name, rows) ]

/// From given numbers to the value of a loss and its gradients.
module internal LossProbe =
    let private refuse message = raise (InputException(message: string))

    /// Rows of equal length -> N D in float64.
    let matrix what (given: float array array) : Tensor =
        let width = given |> Array.tryHead |> Option.map Array.length |> Option.defaultValue 0
        if width = 0 then refuse $"{what}: there are none."

        for row, numbers in Seq.indexed given do
            if numbers.Length <> width then refuse $"{what}: row {row} has {numbers.Length} numbers, row 0 has {width}."

            for number in numbers do
                if not (Double.IsFinite number) then refuse $"{what}: row {row} contains {number}."

        torch.tensor(Array.concat given, dtype = float64, device = torch.CPU).reshape(int64 given.Length, int64 width)

    let rows (x: Tensor) =
        let width = if x.dim () < 2L then 1 else int x.shape[1]
        Array.chunkBySize width (x.detach().contiguous().data<float>().ToArray())

    /// Reads settings from text.
    let settings (given: KeyValuePair<string, string> seq) =
        let read = [ for KeyValue(key, text) in given -> key, Expression.readValue text ]

        match
            [ for key, value in read do
                  match value with
                  | Error problem -> $"{key}: {problem}"
                  | Ok _ -> () ]
        with
        | [] ->
            Map
                [ for key, value in read do
                      match value with
                      | Ok value -> key, value
                      | Error _ -> () ]
        | unread -> raise (InputException unread)

    /// Labels as class numbers, and the number of classes. With proxies, so many of each class, labels must be class numbers already; otherwise any will do.
    let classes perClass (labels: int64 array) (proxies: Tensor option) =
        match proxies with
        | None ->
            let numbers = dict [ for number, label in Seq.indexed (Array.distinct labels) -> label, int64 number ]
            [| for label in labels -> numbers[label] |], numbers.Count
        | Some given ->
            let rows = int given.shape[0]
            let count = rows / perClass

            if rows % perClass <> 0 then
                refuse $"class_weights: {rows} rows; the loss has {perClass} proxies per class, so C x {perClass} rows are needed."

            for label in labels do
                if label < 0L || label >= int64 count then
                    refuse $"labels: {label}; with class_weights of {count} classes, labels go from 0 to {count - 1}."

            labels, count

    /// Labels as class numbers and how many classes there are, or marks of pairs, which have none.
    let relation count perClass (labels: int64 array) (pairs: float array array) proxies : Tensor * int =
        if isNull pairs then
            if labels.Length <> count then refuse $"labels: there are {labels.Length} for {count} embeddings."
            let labels, classes = classes (max 1 perClass) labels proxies
            torch.tensor (labels, dtype = int64', device = torch.CPU), classes
        elif not (isNull labels) then
            refuse "Give labels or pairs, not both: labels say which pairs are alike."
        elif perClass > 0 then
            refuse "The loss compares with proxies of classes: give labels instead of pairs."
        else
            let marks = matrix "pairs" pairs

            if List.ofArray marks.shape <> [ int64 count; int64 count ] then
                refuse $"pairs: it is {shapeText marks.shape}; {count} embeddings have [{count}, {count}] pairs."

            marks, 2

    /// Runs a body whose draws start from seed 0. The process's generator belongs to the caller: it goes on as if nothing had been drawn.
    let drawingFrom0 (body: unit -> 'T) : 'T =
        let state = Randomness.state ()

        try
            torch.manual_seed 0L |> ignore
            body ()
        finally
            Randomness.restore state

    /// A parameter of the loss: the given one for proxies, otherwise its initial value.
    let parameter perClass (proxies: Tensor option) (spec: ParamSpec) : Tensor =
        match proxies with
        | _ when not (spec.Name.EndsWith("proxies", StringComparison.Ordinal)) ->
            // The start belongs to no scope, and its copy to the caller's.
            use start = (Params.init 0L torch.CPU float64 [ spec ]).[spec.Name]
            start.clone ()
        | Some given when List.ofArray given.shape = spec.Shape -> given.clone ()
        | Some given -> refuse $"class_weights: it is {shapeText given.shape}, but the loss needs {shapeText spec.Shape}."
        | None ->
            let centres = if perClass > 1 then $" x {perClass} centres" else ""
            let where = Wording.Of("classWeights", "'class_weights' in the JSON")

            refuse
                $"The loss compares with proxies: give {where}, {spec.Shape[0] / int64 perClass} classes{centres} x {spec.Shape[1]} features."

/// Losses by name, for C#: the list of them, and the value of one on given embeddings.
[<AbstractClass; Sealed>]
type LossFunctions private () =
    /// Every loss.
    static member All: IReadOnlyList<LossDescription> = [| for part in All.all -> LossDescription part |]

    /// Every miner, reducer, distance, score and regulariser.
    static member Choices: IReadOnlyList<LossChoice> =
        [| for part in Miners.all -> LossChoice("miner", part.Name, part.Source, part.Settings)
           for part in Reducers.all -> LossChoice("reducer", part.Name, part.Source, part.Settings)
           for part in Distances.all -> LossChoice("distance", part.Name, part.Source, part.Settings)
           for part in Scores.all -> LossChoice("score", part.Name, part.Source, part.Settings)
           for part in Regularisers.all -> LossChoice("regulariser", part.Name, part.Source, part.Settings) |]

    /// Value and gradients in float64. The loss is a name, a name with settings (`triplet(margin=0.3, miner=hard)`) or a weighted sum; the further
    /// settings (`distance`, `cosine`) apply to each part that has them. classWeights, C rows of D (C K with K centres per class), are the proxies of
    /// losses that have some, otherwise null. Draws (distance-weighted) start from seed 0. InputException says what is wrong with the loss or the numbers.
    static member Evaluate
        (
            loss: string,
            settings: KeyValuePair<string, string> seq,
            embeddings: float array array,
            labels: int64 array,
            classWeights: float array array
        ) : LossResult =
        ArgumentNullException.ThrowIfNull labels
        LossFunctions.Evaluate(loss, settings, embeddings, labels, null, classWeights)

    /// The same on labels or on pairs, the other being null: B rows of B marks, above 0 for pairs that are alike, below 0 for those that are not, 0 for those that do
    /// not count; the diagonal never counts. How far from 0 a mark is weighs its pair, for a loss that takes weights.
    static member Evaluate
        (
            loss: string,
            settings: KeyValuePair<string, string> seq,
            embeddings: float array array,
            labels: int64 array,
            pairs: float array array,
            classWeights: float array array
        ) : LossResult =
        ArgumentNullException.ThrowIfNull loss
        ArgumentNullException.ThrowIfNull embeddings
        if isNull pairs then ArgumentNullException.ThrowIfNull labels
        let settings = settings |> Option.ofObj |> Option.defaultValue Seq.empty |> LossProbe.settings

        let terms =
            match All.read loss settings with
            | Ok terms -> terms
            | Error problems -> raise (InputException [ for _, problem in problems -> problem ])

        let evaluate () =
            let leaf (x: Tensor) = x.requires_grad_ true
            let x = LossProbe.matrix "embeddings" embeddings |> leaf
            let proxies = classWeights |> Option.ofObj |> Option.map (LossProbe.matrix "class_weights")

            let perClass = All.make loss settings 2 2 |> Loss.proxiesPerClass
            let labels, classes = LossProbe.relation embeddings.Length perClass labels pairs proxies
            let layer = All.make loss settings classes (int x.shape[1]) |> Loss.onEmbeddings

            let parameters = [ for spec in layer.Specs -> spec.Name, LossProbe.parameter (max 1 perClass) proxies spec |> leaf ]
            let env = { Params = Params.ofSeq parameters; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone }

            let value =
                try
                    Order.Within 1 (fun () -> layer.Forward env (x, labels))
                with :? ArgumentException as problem when not (isNull pairs) ->
                    raise (InputException problem.Message)

            let gradients = Grad.gradientsOrZero value (("embeddings", x) :: parameters)
            LossResult(Expression.write terms, toFloat value, [ for name, gradient in gradients -> name, LossProbe.rows gradient ])

        scoped (fun () -> LossProbe.drawingFrom0 evaluate)
