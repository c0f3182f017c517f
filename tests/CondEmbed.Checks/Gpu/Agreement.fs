/// A training step on a GPU against the same step on the CPU.
module CondEmbed.Checks.Agreement

open System
open System.Globalization
open CondEmbed
open TorchSharp

let private classes, perClass = 4, 4

let private batch device (config: Config) : Batch =
    use generator = new torch.Generator(5UL, torch.CPU)
    let count, side = int64 (classes * perClass), int64 config.Size

    let images =
        torch.randint (256L, [| count; side; side; 3L |], dtype = torch.uint8, device = torch.CPU, generator = generator)

    { Images = images.``to`` (device: torch.Device)
      Labels = torch.tensor ([| for image in 0L .. count - 1L -> image / int64 perClass |], dtype = torch.int64, device = device) }

/// What a step makes: its terms, and every gradient and statistic, on the CPU.
type private Made = { Terms: (string * float) list; Gradients: (string * Tensor) list; Statistics: (string * Tensor) list }

/// The first moment of an optimiser after its first step is the gradient, up to a factor.
let private isGradient (name: string) =
    name.EndsWith(".mean", StringComparison.Ordinal)
    || name.EndsWith(".momentum", StringComparison.Ordinal)

/// One step from the start that the seed gives, changed by `nudge`, and a second one, which shows that the first left something to go on from.
let private step nudge device config (seed: int64) =
    torch.manual_seed seed |> ignore
    let recipe = Recipe.build config classes 10
    use state = Train.start 1L device torch.float32 recipe.Method
    nudge state.Params
    let batch = batch device config
    let report = Train.step recipe.Method state batch
    let kept (tensor: Tensor) = tensor.detach().``to``(torch.CPU, copy = true).``to`` torch.float64
    let trained = set (Params.trainable recipe.Method.Objective.Specs)

    let made =
        { Terms = ("total", report.Loss) :: report.Terms
          Gradients =
            [ for name, tensor in Params.toSeq state.Moments do
                  if isGradient name then name, kept tensor ]
          Statistics =
            [ for name, tensor in Params.toSeq state.Params do
                  if not (trained.Contains name) && tensor.is_floating_point () then name, kept tensor ] }

    Train.step recipe.Method state batch |> ignore
    made

let private length (x: Tensor) = x.norm().item<float>()

/// |a - b| by the length of a, or by a floor.
let private apart floor (a: Tensor) (b: Tensor) =
    let scale = max floor (length a)
    if scale = 0.0 then length b else length (a - b) / scale

/// How far one step's results are from the other's, relatively, each with its name: terms by their size, gradients by the length of their leaf's or a hundredth of the whole
/// gradient's, since those of some leaves are nothing but rounding.
let private differences (ours: Made) (theirs: Made) =
    let whole = ours.Gradients |> List.sumBy (fun (_, g) -> length g ** 2.0) |> sqrt
    let pairs floor = List.map2 (fun (name, a) (_, b) -> name, apart floor a b)

    [ for (name, a), (_, b) in List.zip ours.Terms theirs.Terms -> name, abs (a - b) / max 1e-3 (abs a)
      yield! pairs (0.01 * whole) ours.Gradients theirs.Gradients
      yield! pairs 1e-3 ours.Statistics theirs.Statistics ]
    |> List.map (fun (name, value) -> name, (if Double.IsFinite value then value else infinity))

/// Moves every weight by up to so much of itself: another order of sums moves results in the same way.
let private nudged seed (by: float) (parameters: Params) =
    use generator = new torch.Generator(seed, torch.CPU)

    withoutGradient (fun () ->
        for _, tensor in Params.toSeq parameters do
            if tensor.is_floating_point () then
                let part = torch.rand(tensor.shape, device = torch.CPU, generator = generator).mul_(scalar (2.0 * by)).sub_(scalar by)
                tensor.add_ (part * tensor) |> ignore)

/// A rounding error of float32: what the CPU differs in from itself where there is no GPU.
let private roundingError = 1.2e-7

let private text (x: float) = x.ToString("G2", CultureInfo.InvariantCulture)

/// The largest difference, and of what. A rounding error switches ReLUs and what miners keep, and bfloat16 rounds everything more, so as much is allowed as a few rounding
/// errors in every weight do on the CPU alone, five times: the tolerance as it is given is for cases in which they do a fifth of a thousandth or less.
let private compare (effort: Effort) (case: Cases.Case) =
    let onCpu nudge = step nudge torch.CPU case.Config
    let ours = onCpu ignore 1L
    let worst theirs = differences ours theirs |> List.maxBy snd
    let nudge = if Cuda.isThere () then ignore else nudged 1UL roundingError
    let where, largest = worst (step nudge Cuda.device.Value case.Config 1L)

    let allowed =
        if largest <= effort.Tolerance then
            effort.Tolerance
        else
            let own = [ for seed in 2UL .. 4UL -> snd (worst (onCpu (nudged seed (8.0 * roundingError)) 1L)) ] |> List.max
            effort.Tolerance * max 1.0 (5000.0 * own)

    let numbers = [ "difference", largest; "allowed", allowed ]

    if largest <= allowed then
        Check.row case.Name true $"{text largest} in {where}, of {text allowed}" numbers
    // Another device draws other random numbers from the same seed, and so does another seed on the same device.
    elif Double.IsFinite largest && Cuda.isThere () && snd (worst (onCpu ignore 2L)) > allowed then
        Check.row case.Name true "draws at random, finite" [ "allowed", allowed ]
    else
        Check.row case.Name false $"{text largest} in {where}, more than {text allowed}" numbers

/// Those that take seconds on a CPU.
let private isSmall (case: Cases.Case) = case.Group <> "encoders" || List.contains case.Name [ "small"; "resnet18"; "vit-s16" ]

let private run group (effort: Effort) tell =
    // libtorch would round the operands of convolutions to ten bits (TF32) otherwise.
    torch.backends.cudnn.allow_tf32 <- false
    torch.backends.cuda.matmul.allow_tf32 <- false

    for case in Cases.all do
        if case.Group = group && (isSmall case || not effort.Quick) then
            try
                scoped (fun () -> tell (compare effort case))
            with problem ->
                tell (Check.row case.Name false $"{problem.GetType().Name}: {problem.Message}" [])

let private summary (rows: Row list) =
    let differences =
        [ for row in rows do
              match row.Numbers.TryFind "difference" with
              | Some value -> value, row.Case
              | None -> () ]

    let agree = rows |> List.filter _.Passed |> List.length

    let drawn =
        rows
        |> List.filter (fun row -> row.Passed && not (row.Numbers.ContainsKey "difference"))
        |> List.length

    let largest =
        match differences with
        | [] -> ""
        | some -> let value, case = List.max some in $"; the largest difference is {text value}, of {case}"

    let random = if drawn > 0 then $" ({drawn} draw at random and are only finite)" else ""
    $"{agree} of {rows.Length} agree{random}{largest}"

let checks =
    [ for group in Cases.groups ->
          { Name = group
            What = "a step, its gradients and statistics, against the CPU in float32"
            Run = run group
            Summary = Some summary } ]
