namespace CondEmbed

open System
open System.Collections.Generic
open TorchSharp

type Role =
    | Trainable
    | Statistic

type Init =
    | Constant of float
    | Normal of deviation: float
    | Uniform of bound: float
    | KaimingFanOut
    | FanIn
    | Xavier

type ParamSpec = { Name: string; Shape: int64 list; Role: Role; Init: Init }

type Mismatch =
    | Missing of ParamSpec
    | Unexpected of name: string
    | WrongShape of ParamSpec * found: int64 list

    override this.ToString() =
        match this with
        | Missing spec -> $"missing: {spec.Name} {shapeText spec.Shape}"
        | Unexpected name -> $"unexpected: {name}"
        | WrongShape(spec, found) -> $"wrong shape: {spec.Name} is {shapeText found}, the model has {shapeText spec.Shape}"

[<Sealed; StructuredFormatDisplay("{Tree}")>]
type Params(tensors: OrderedDictionary<string, Tensor>, prefix: string, handed: string -> Tensor -> Tensor) =
    member internal _.Tensors = tensors
    member internal _.Prefix = prefix

    /// What is made of the tensor of a full name when it is asked for.
    member internal _.Handed = handed

    member _.Names =
        [ for name in tensors.Keys do
              if name.StartsWith(prefix, StringComparison.Ordinal) then name.Substring prefix.Length ]

    member _.Contains(name: string) = tensors.ContainsKey(prefix + name)

    /// The tensor under a name as it was given.
    member internal this.TryFind(name: string) = if this.Contains name then Some tensors[prefix + name] else None

    member this.Item
        with get (name: string) =
            match this.TryFind name with
            | Some tensor -> handed (prefix + name) tensor
            | None ->
                let near = this.Names |> List.truncate 12 |> String.concat ", "
                raise (KeyNotFoundException $"These parameters hold no '{prefix}{name}'. Are they another model's? Here there are: {near}.")

    /// How many tensors and numbers there are, and their tree.
    override this.ToString() =
        let tensors = [ for name in this.Names -> name, this[name] ]
        let kind (tensor: Tensor) = $"{tensor.dtype} on {tensor.device}"
        let kinds = tensors |> List.map (snd >> kind) |> List.distinct
        let note tensor = if kinds.Length > 1 then kind tensor else ""

        let leaves =
            [ for name, tensor in tensors -> { Path = List.ofArray (name.Split '.'); Shape = List.ofArray tensor.shape; Note = note tensor } ]

        let numbers = leaves |> List.sumBy (fun leaf -> numbersOf leaf.Shape)
        let head = PrintedTree.plural (int64 leaves.Length) "tensor" + " of " + PrintedTree.plural numbers "number"
        let kind = if kinds.Length = 1 then $", {kinds.Head}" else ""
        String.concat "\n" (head + kind :: PrintedTree.text leaves)

    member private this.Tree = string this

module Params =
    let private byName (tensors: (string * Tensor) seq) =
        let all = OrderedDictionary<string, Tensor>()

        for name, tensor in tensors do
            if all.ContainsKey name then
                invalidArg (nameof tensors) $"The name '{name}' occurs twice among these tensors: give each its own name."

            all[name] <- tensor

        all

    /// The first of some names or problems, and how many more there are.
    let private listed separator (items: string list) =
        let more = if items.Length > 6 then $"{separator}and {items.Length - 6} more" else ""
        String.concat separator (List.truncate 6 items) + more

    let ofSeq tensors = Params(byName tensors, "", (fun _ tensor -> tensor))

    let toSeq (parameters: Params) = seq { for name in parameters.Names -> name, parameters[name] }

    let inside name (parameters: Params) = Params(parameters.Tensors, parameters.Prefix + name + ".", parameters.Handed)

    let map change parameters = toSeq parameters |> Seq.map (fun (name, tensor) -> name, change name tensor) |> ofSeq

    let whenAsked change (parameters: Params) =
        let start = parameters.Prefix.Length
        let handed (name: string) tensor = change (name.Substring start) (parameters.Handed name tensor)
        Params(parameters.Tensors, parameters.Prefix, handed)

    /// The tensors in ordinal order of their names, which is how F# sorts strings.
    let private sorted parameters = toSeq parameters |> Seq.sortBy fst |> Seq.toArray

    let flat parameters = torch.cat (sorted parameters |> Array.map (fun (_, tensor) -> tensor.reshape [| -1L |]))

    let shaped like (vector: Tensor) =
        let tensors = sorted like
        let starts = (0L, tensors) ||> Array.scan (fun start (_, tensor) -> start + tensor.numel ())
        let wanted = Array.last starts

        if vector.shape <> [| wanted |] then
            invalidArg
                (nameof vector)
                $"The vector is {shapeText vector.shape}, and the parameters have {wanted} numbers, in one dimension."

        let startOf = dict (Seq.zip (Seq.map fst tensors) starts)

        like
        |> map (fun name tensor -> vector.narrow(0L, startOf[name], tensor.numel ()).reshape tensor.shape)

    let trainable (specs: ParamSpec list) =
        [ for spec in specs do
              if spec.Role = Trainable then spec.Name ]

    let count specs = specs |> List.sumBy (fun spec -> numbersOf spec.Shape)

    let dispose parameters = toSeq parameters |> Seq.iter (fun (_, tensor) -> tensor.Dispose())

    let commit (parameters: Params) values =
        withoutGradient (fun () ->
            for name, value: Tensor in values do
                let parameter = parameters[name]

                // torch would broadcast a smaller value over the parameter.
                if value.shape <> parameter.shape then
                    invalidArg (nameof values) $"'{name}' is {shapeText parameter.shape}; a value of {shapeText value.shape} does not fit."

                parameter.copy_ value |> ignore)

    /// What is wrong with the tensors of the specs, by the shape of each name that there is.
    let private unfit (shapeOf: string -> int64 list option) (specs: ParamSpec list) =
        [ for spec in specs do
              match shapeOf spec.Name with
              | Some shape when shape = spec.Shape -> ()
              | Some shape -> WrongShape(spec, shape)
              | None -> Missing spec ]

    let mismatches (specs: ParamSpec list) (shapes: IReadOnlyDictionary<string, int64 list>) =
        let declared = specs |> List.map _.Name |> set
        let shapeOf name = if shapes.ContainsKey name then Some shapes[name] else None

        unfit shapeOf specs
        @ [ for name in Seq.filter (declared.Contains >> not) shapes.Keys -> Unexpected name ]

    /// The name below which the tensors have everything declared, if there is one.
    let private placeOf (specs: ParamSpec list) (parameters: Params) =
        let held = set parameters.Names
        let first = specs.Head.Name

        parameters.Names
        |> List.filter (fun name -> name.EndsWith($".{first}", StringComparison.Ordinal))
        |> List.map (fun name -> name.Substring(0, name.Length - first.Length - 1))
        |> List.tryFind (fun place -> specs |> List.forall (fun spec -> held.Contains $"{place}.{spec.Name}"))

    let private misfit specs wrong (parameters: Params) =
        let declared = specs |> List.map _.Name |> set
        let others = parameters.Names |> List.filter (declared.Contains >> not)
        let others = if others.IsEmpty then "" else " They also hold " + listed ", " others + "."

        let fix =
            match placeOf specs parameters with
            | Some place -> $"They stand below '{place}': give Params.inside \"{place}\"."
            | None -> "Give those that Params.init or Train.start made of this very layer."

        $"""These parameters are another model's: {listed "; " [ for problem in wrong -> string problem ]}.{others} {fix}"""

    let demand specs (parameters: Params) =
        let wrong =
            specs
            |> unfit (fun name -> parameters.TryFind name |> Option.map (fun tensor -> List.ofArray tensor.shape))

        if not wrong.IsEmpty then invalidArg (nameof parameters) (misfit specs wrong parameters)

    /// FNV-1a, 64 bits: the same on every machine and in every process, unlike .NET's own hash of strings.
    let private stableHash (text: string) =
        let mutable hash = 14695981039346656037UL

        for character in text do
            hash <- (hash ^^^ uint64 character) * 1099511628211UL

        hash

    let private fans shape =
        match shape with
        | [] -> 1.0, 1.0
        | [ n ] -> float n, float n
        | outputs :: inputs :: kernel ->
            let places = float (numbersOf kernel)
            float inputs * places, float outputs * places

    let private fill (generator: torch.Generator) spec (tensor: Tensor) =
        let fanIn, fanOut = fans spec.Shape

        let uniform bound = tensor.uniform_ (-bound, bound, generator)

        match spec.Init with
        | Constant value -> tensor.fill_ (scalar value)
        | Normal deviation -> tensor.normal_ (0.0, deviation, generator)
        | Uniform bound -> uniform bound
        | KaimingFanOut -> tensor.normal_ (0.0, sqrt (2.0 / fanOut), generator)
        | FanIn -> uniform (1.0 / sqrt fanIn)
        | Xavier -> uniform (sqrt (6.0 / (fanIn + fanOut)))
        |> ignore

    /// Refuses a type that no gradient can be taken in, and a device that is not there.
    let private demandPlace (device: torch.Device) (dtype: torch.ScalarType) =
        match dtype with
        | torch.ScalarType.Float16
        | torch.ScalarType.BFloat16
        | torch.ScalarType.Float32
        | torch.ScalarType.Float64 -> ()
        | other -> invalidArg (nameof dtype) $"Parameters are floating-point numbers, and {other} is not: torch.float32, say."

        if device.``type`` = DeviceType.CUDA && not (torch.cuda_is_available ()) then
            invalidArg (nameof device) "There is no GPU that torch can use here: give torch.CPU, or take a libtorch for CUDA."

    let private demandSound specs =
        let twice = specs |> List.countBy _.Name |> List.filter (fun (_, times) -> times > 1) |> List.map fst

        if not twice.IsEmpty then
            let names = listed ", " [ for name in twice -> $"'{name}'" ]

            invalidArg
                (nameof specs)
                $"Declared twice: {names}. Give each layer a name of its own: Layer.named \"first\" layer, Layer.named \"second\" layer."

        for spec in specs do
            if spec.Shape |> List.exists (fun side -> side < 1L) then
                invalidArg (nameof specs) $"'{spec.Name}' is {shapeText spec.Shape}: every side of a parameter is at least 1."

    /// Drawn on the CPU in float32 whatever the device and type, so that a seed means the same start everywhere. A constant is made in the type asked for: by way
    /// of float32 a 0.1 of float64 would be 0.10000000149.
    let init (seed: int64) (device: torch.Device) (dtype: torch.ScalarType) specs =
        let start spec =
            let draw () =
                use generator = new torch.Generator(uint64 seed ^^^ stableHash spec.Name, torch.CPU)

                let drawn =
                    match spec.Init with
                    | Constant _ -> dtype
                    | _ -> float32

                let tensor = torch.empty (List.toArray spec.Shape, dtype = drawn, device = torch.CPU)

                fill generator spec tensor
                // Kernels of convolutions in the layout that convolutions want, so that no step has to convert them and their gradients.
                let tensor = if spec.Shape.Length = 4 then channelsLast tensor else tensor
                tensor.``to`` (dtype, device)

            spec.Name, withoutGradient (fun () -> keeping draw |> own)

        demandPlace device dtype
        demandSound specs
        specs |> List.map start |> ofSeq
