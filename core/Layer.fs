namespace CondEmbed

open System
open System.Runtime.InteropServices

type Mode =
    | Training
    | Testing

type Env = { Params: Params; Mode: Mode; Report: string -> Tensor -> unit }

type Layer<'In, 'Out> =
    { Specs: ParamSpec list
      Forward: Env -> 'In -> 'Out }

    /// For F# Interactive: the tree of names, shapes and the number of parameters.
    override this.ToString() =
        let lines = [ for spec in this.Specs -> $"  {spec.Name} {shapeText spec.Shape}" ]
        String.concat "\n" ($"{Params.count this.Specs} parameters" :: lines)

/// A layer was given what does not fit its parameters.
[<Sealed>]
type LayerException(path: string, reason: string, cause: exn) =
    inherit ArgumentException($"{path}: {reason}", cause)
    member _.Path = path
    member _.Reason = reason

module Layer =
    let create specs forward = { Specs = specs; Forward = forward }

    /// What libtorch says first, without its own stack, and the shape of the input.
    let private misfit (input: obj) (error: exn) =
        let reason = error.Message.Split('\n')[0]

        match input with
        | :? Tensor as tensor -> $"{reason} (the input is {shapeText tensor.shape})"
        | _ -> reason

    let lift f = create [] (fun _ input -> f input)

    let named name layer =
        let specs = [ for spec in layer.Specs -> { spec with Name = $"{name}.{spec.Name}" } ]

        let inside env =
            { env with
                Params = Params.inside name env.Params
                Report = fun statistic -> env.Report $"{name}.{statistic}" }

        create specs (fun env input ->
            try
                layer.Forward (inside env) input
            with
            | :? LayerException as error -> raise (LayerException($"{name}.{error.Path}", error.Reason, error.InnerException))
            | :? ExternalException as error -> raise (LayerException(name, misfit input error, error)))

    let compose first second = create (first.Specs @ second.Specs) (fun env input -> input |> first.Forward env |> second.Forward env)

    let sequence layers =
        create (layers |> List.collect _.Specs) (fun env input -> (input, layers) ||> List.fold (fun x layer -> layer.Forward env x))

    let both a b = create (a.Specs @ b.Specs) (fun env input -> a.Forward env input, b.Forward env input)

    let map f layer = create layer.Specs (fun env input -> layer.Forward env input |> f)

    let frozen layer = create layer.Specs (fun env -> layer.Forward { env with Mode = Testing })

    let run parameters layer input =
        withoutGradient (fun () -> layer.Forward { Params = parameters; Mode = Testing; Report = fun _ _ -> () } input)

[<AutoOpen>]
module LayerOperators =
    let (-->) first second = Layer.compose first second
