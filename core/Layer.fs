namespace CondEmbed

open System
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open TorchSharp

type Mode =
    | Training
    | Testing

type Env = { Params: Params; Mode: Mode; Report: string -> Tensor -> unit; Team: Team }

[<StructuredFormatDisplay("{Tree}")>]
type Layer<'In, 'Out> =
    { Specs: ParamSpec list
      Forward: Env -> 'In -> 'Out }

    /// How many parameters there are, and their tree of names, shapes and numbers.
    override this.ToString() =
        let times = this.Specs |> List.countBy _.Name |> Map

        let leaf (spec: ParamSpec) =
            { Path = List.ofArray (spec.Name.Split '.')
              Shape = spec.Shape
              Note =
                (match spec.Role, times[spec.Name] with
                 | Statistic, 1 -> "statistic"
                 | Trainable, 1 -> ""
                 | _, times -> $"declared {times} times: give its layers names, by Layer.named") }

        let numbers role = this.Specs |> List.filter (fun spec -> spec.Role = role) |> Params.count
        let trained, kept = numbers Trainable, numbers Statistic
        let statistics = if kept > 0L then " and " + PrintedTree.plural kept "statistic" else ""

        match this.Specs with
        | [] -> "no parameters"
        | specs -> String.concat "\n" (PrintedTree.plural trained "parameter" + statistics :: PrintedTree.text (List.map leaf specs))

    member private this.Tree = string this

    static member (-->)(first: Layer<'In, 'Out>, second: Layer<'Out, 'Next>) : Layer<'In, 'Next> =
        { Specs = first.Specs @ second.Specs
          Forward = fun env input -> input |> first.Forward env |> second.Forward env }

    static member (-->)(first: Layer<'In, 'Out>, next: 'Out -> 'Next) : Layer<'In, 'Next> =
        { Specs = first.Specs; Forward = fun env input -> first.Forward env input |> next }

/// A layer was given an input that does not fit it.
[<Sealed>]
type LayerException(path: string, reason: string, cause: exn) =
    inherit ArgumentException((if path = "" then reason else $"{path}: {reason}"), cause)
    member _.Path = path
    member _.Reason = reason

module Layer =
    let statistic (env: Env) name = env.Params[name].detach()

    let below (name: string) (specs: ParamSpec list) = [ for spec in specs -> { spec with Name = $"{name}.{spec.Name}" } ]

    let create specs forward = { Specs = specs; Forward = forward }

    let lift f = create [] (fun _ input -> f input)

    let refuse reason = raise (LayerException("", reason, null))

    /// The shapes of what a layer was given.
    let private shapes (input: obj) =
        match input with
        | :? Tensor as tensor -> [ tensor ]
        | :? ITuple as several -> [ for place in 0 .. several.Length - 1 -> several[place] ] |> List.choose tryUnbox<Tensor>
        | _ -> []
        |> List.map (fun tensor -> $"{tensor.dtype} {shapeText tensor.shape}")

    /// What libtorch says first, without its own stack, and the shape of the input.
    let private misfit (input: obj) (error: exn) =
        match shapes input with
        | [] -> error.Message.Split('\n')[0]
        | given -> $"""{error.Message.Split('\n')[0]} (the input is {String.concat ", " given})"""

    let explained layer =
        create layer.Specs (fun env input ->
            try
                layer.Forward env input
            with
            | :? ExternalException as error -> raise (LayerException("", misfit input error, error))
            | :? MisfitException as error -> raise (LayerException("", error.Message, error)))

    let named name layer =
        if String.IsNullOrWhiteSpace name then
            invalidArg (nameof name) "A layer's name cannot be empty: it prefixes the names of its parameters."

        let layer = explained layer

        let inside env =
            { env with
                Params = Params.inside name env.Params
                Report = fun statistic -> env.Report $"{name}.{statistic}" }

        let forward env input =
            try
                layer.Forward (inside env) input
            with :? LayerException as error ->
                let path = if error.Path = "" then name else $"{name}.{error.Path}"
                raise (LayerException(path, error.Reason, error.InnerException))

        create (below name layer.Specs) forward

    let compose (first: Layer<'A, 'B>) (second: Layer<'B, 'C>) : Layer<'A, 'C> = first --> second

    let sequence layers =
        create (layers |> List.collect _.Specs) (fun env input -> (input, layers) ||> List.fold (fun x layer -> layer.Forward env x))

    let repeat (name: string) count layer =
        if count < 1 then invalidArg (nameof count) $"A layer is repeated once or more, and {count} times are asked for."

        sequence [ for place in 0 .. count - 1 -> named $"{name}.{place}" layer ]

    let residual (layer: Layer<Tensor, Tensor>) =
        create layer.Specs (fun env input ->
            let output = layer.Forward env input

            if output.shape <> input.shape then
                refuse $"a residual layer must keep the shape, and it makes {shapeText output.shape} of {shapeText input.shape}."

            input + output)

    let both a b = create (a.Specs @ b.Specs) (fun env input -> a.Forward env input, b.Forward env input)

    let tidied (layer: Layer<'In, Tensor>) =
        create layer.Specs (fun env input ->
            use scope = torch.NewDisposeScope()

            let report name value = env.Report name (scope.MoveToOuter(value: Tensor))
            layer.Forward { env with Report = report } input |> scope.MoveToOuter)

    let map f layer = create layer.Specs (fun env input -> layer.Forward env input |> f)

    let frozen layer = create layer.Specs (fun env -> layer.Forward { env with Mode = Testing })

    let apply mode parameters layer input =
        Params.demand layer.Specs parameters
        (explained layer).Forward { Params = parameters; Mode = mode; Report = (fun _ _ -> ()); Team = Team.alone } input

    let run parameters layer input =
        if Order.Taken > 0 && torch.is_grad_enabled () then
            raise (
                InvalidOperationException
                    "Layer.run records nothing for gradients, so a derivative through it would be zero: use Layer.apply. A network that is meant to be constant is run inside withoutGradient."
            )

        withoutGradient (fun () -> apply Testing parameters layer input)
