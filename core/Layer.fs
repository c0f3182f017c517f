namespace CondEmbed

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

module Layer =
    let create specs forward = { Specs = specs; Forward = forward }

    let lift f = create [] (fun _ input -> f input)

    let named name layer =
        let specs = [ for spec in layer.Specs -> { spec with Name = $"{name}.{spec.Name}" } ]

        create specs (fun env ->
            layer.Forward
                { env with
                    Params = Params.inside name env.Params
                    Report = fun statistic -> env.Report $"{name}.{statistic}" })

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
