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

[<Sealed>]
type Params(tensors: SortedDictionary<string, Tensor>, prefix: string) =
    member internal _.Tensors = tensors
    member internal _.Prefix = prefix

    member _.Names =
        [ for name in tensors.Keys do
              if name.StartsWith(prefix, StringComparison.Ordinal) then name.Substring prefix.Length ]

    member this.Item
        with get (name: string) =
            match tensors.TryGetValue(prefix + name) with
            | true, tensor -> tensor
            | _ ->
                let near = this.Names |> List.truncate 12 |> String.concat ", "
                raise (KeyNotFoundException $"These parameters hold no '{prefix}{name}'. Are they another model's? Here there are: {near}.")

    /// For F# Interactive: how many tensors and numbers there are, and the first of them.
    override this.ToString() =
        let lines = [ for name in this.Names |> List.truncate 20 -> $"  {name} {shapeText this[name].shape}" ]

        let numbers = this.Names |> List.sumBy (fun name -> this[name].numel())
        String.concat "\n" ($"{this.Names.Length} tensors, {numbers} numbers" :: lines)

module Params =
    let private ordered (tensors: (string * Tensor) seq) =
        let all = SortedDictionary<string, Tensor>(StringComparer.Ordinal)

        for name, tensor in tensors do
            if not (all.TryAdd(name, tensor)) then
                invalidArg (nameof tensors) $"The name '{name}' is declared twice: give each layer a name of its own with Layer.named."

        all

    let ofSeq tensors = Params(ordered tensors, "")

    let toSeq (parameters: Params) = seq { for name in parameters.Names -> name, parameters[name] }

    let inside name (parameters: Params) = Params(parameters.Tensors, parameters.Prefix + name + ".")

    let map change parameters = toSeq parameters |> Seq.map (fun (name, tensor) -> name, change name tensor) |> ofSeq

    let trainable (specs: ParamSpec list) =
        [ for spec in specs do
              if spec.Role = Trainable then spec.Name ]

    let count specs = specs |> List.sumBy (fun spec -> List.fold (*) 1L spec.Shape)

    let dispose parameters = toSeq parameters |> Seq.iter (fun (_, tensor) -> tensor.Dispose())

    let commit (parameters: Params) values =
        withoutGradient (fun () ->
            for name, value: Tensor in values do
                let parameter = parameters[name]

                // torch would stretch a smaller value over the parameter.
                if value.shape <> parameter.shape then
                    invalidArg (nameof values) $"'{name}' is {shapeText parameter.shape}; a value of {shapeText value.shape} does not fit."

                parameter.copy_ value |> ignore)

    let mismatches (specs: ParamSpec list) (shapes: IReadOnlyDictionary<string, int64 list>) =
        let declared = specs |> List.map _.Name |> set

        [ for spec in specs do
              match shapes.TryGetValue spec.Name with
              | true, shape when shape = spec.Shape -> ()
              | true, shape -> WrongShape(spec, shape)
              | _ -> Missing spec
          for name in shapes.Keys do
              if not (declared.Contains name) then Unexpected name ]

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
            let places = float (List.fold (*) 1L kernel)
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

    /// Drawn on the CPU in float32 whatever the device and type, so that a seed means the same start everywhere.
    let init (seed: int64) (device: torch.Device) (dtype: torch.ScalarType) specs =
        let start spec =
            let draw () =
                use generator = new torch.Generator(uint64 seed ^^^ stableHash spec.Name, torch.CPU)

                let tensor = torch.empty (List.toArray spec.Shape, dtype = float32, device = torch.CPU)

                fill generator spec tensor
                tensor.``to`` (dtype, device)

            spec.Name, withoutGradient (fun () -> keeping draw |> own)

        specs |> List.map start |> ofSeq
