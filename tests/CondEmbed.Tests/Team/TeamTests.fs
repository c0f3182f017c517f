/// A team, each on its share of every batch, against one process on all of it: losses, statistics and weights after several steps.
module CondEmbed.Tests.TeamTests

open System
open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Losses
open CondEmbed.Tests.Support
open CondEmbed.Tests.Together
open TorchSharp

/// With norms over the batch.
let private features = TwoStages.featuresOf (Layers.batchNorm 5) 8 (Layer.named "bn2" (Layers.batchNorm 8) --> Layers.gelu)

let private networkOf pooling withNorm features = TwoStages.networkOf 8 features pooling withNorm

type private Case =
    {
        Network: Network
        Hierarchy: Hierarchy.Options
        Conditional: Conditional.Options
        Teacher: FeatureDistillation.Options
        Loss: Loss
        LevelLoss: Loss
        MicroBatch: int
        Average: float
        /// Of the images, in pixels.
        Side: int
        /// Class numbers, or marks of pairs.
        Labels: unit -> Tensor
    }

let private hierarchy count = Hierarchy.plain { Channels = 8; Embedding = 6; Heads = 2 } count

/// Every share has one image of each class, so no process has a pair of one class; and the last class has but one image.
let private classes () = labelsOf [ 0; 1; 2; 3; 0; 1; 2; 3; 0; 1; 2; 4 ]

let private plain =
    let loss = Losses.All.ofText "multi-similarity" 5 6

    { Network = networkOf "mean" true features
      Hierarchy = hierarchy 0
      Conditional = { Conditional.plain 0.5 with Distillation = 0.7 }
      Teacher = FeatureDistillation.none
      Loss = loss
      LevelLoss = loss
      MicroBatch = 0
      Average = 0.0
      Side = 4
      Labels = classes }

let private methodOf team case : Train.Method =
    let objective =
        Objective.inMicroBatches case.MicroBatch case.Network case.Hierarchy 0.7 case.Conditional case.Teacher case.Loss case.LevelLoss

    { Train.plain 0.02 12 objective with
        // Of gradients that are zero but for rounding, AdamW would make whole steps.
        Optimiser = Optimiser.Sgd(0.9, false)
        Clip = 3.0
        Average = if case.Average > 0.0 then Some { Decay = case.Average; Of = objective.Specs } else None
        Team = team }

let private images side step = normal (100 + step) [ 12; 3; side; side ]

[<Literal>]
let private Steps = 3

/// In bytes: so few that leaves lie in several.
[<Literal>]
let private Bucket = 200L

/// What three steps report, and the state after them.
let private trained case count =
    torch.manual_seed 5L |> ignore

    together count (fun team ->
        scoped (fun () ->
            let recipe = methodOf team case
            use state = Train.start 3L torch.CPU float64 recipe

            let reports =
                [ for step in 1..Steps ->
                      scoped (fun () ->
                          let share x = (Team.ownOf team x).contiguous()
                          Train.stepIn Bucket recipe state { Images = share (images case.Side step); Labels = share (case.Labels()) }) ]

            let kept =
                [ for name, tensor in Seq.append (Params.toSeq state.Params) (Params.toSeq state.Moments) -> name, numbers tensor ]

            reports, kept))

let private expectAlike sizes case =
    let reports, kept = List.exactlyOne (trained case 1)

    for size in sizes do
        for rank, (reports', kept') in List.indexed (trained case size) do
            for expected, actual in List.zip reports reports' do
                Expect.equal (List.map fst actual.Terms) (List.map fst expected.Terms) "terms"

                for (name, expected), (_, actual) in
                    List.zip
                        (("total", expected.Loss) :: ("gradient", expected.GradientNorm) :: expected.Terms)
                        (("total", actual.Loss) :: ("gradient", actual.GradientNorm) :: actual.Terms) do
                    if not (abs (expected - actual) <= 1e-10 * max 1.0 (abs expected)) then
                        failtest $"{size} processes, {rank}: {name} is {actual}, of one process {expected}"

            for (name, expected), (_, actual) in List.zip kept kept' do
                for expected, actual in Array.zip expected actual do
                    if not (abs (expected - actual) <= 1e-10) then
                        failtest $"{size} processes, {rank}: in {name}, {actual} stands for {expected}"

let private ofLoss name =
    let loss = Losses.All.ofText name 5 6
    { plain with Loss = loss }

let private levels count = { plain with Hierarchy = hierarchy count }

let private withForm (change: Hierarchy.Options -> Hierarchy.Options) = { plain with Hierarchy = change (hierarchy 2) }

let private forms =
    [ "two levels", levels 2
      "residual with a feed-forward", withForm (fun levels -> { levels with Residual = true; After = Level.After.FeedForward })
      "shared with a norm", withForm (fun levels -> { levels with Shared = true; After = Level.After.Norm })
      "the head's values", withForm (fun levels -> { levels with Form = Level.Form.Projections Attention.Values.Given })
      "group, the head's own", withForm (fun levels -> { levels with Form = Level.Form.Group None; Levels = 1 })
      "group with a head of its own", withForm (fun levels -> { levels with Form = Level.Form.Group(Some 4); Levels = 1 })
      "cosine", withForm (fun levels -> { levels with Form = Level.Form.Cosine 0.2 })
      "a second head", withForm (fun levels -> { levels with Form = Level.Form.SecondHead 4; Levels = 1 })
      "asked by the unconditional embedding", withForm (fun levels -> { levels with Query = Hierarchy.Query.Unconditional })
      "asked by itself", withForm (fun levels -> { levels with Query = Hierarchy.Query.Own })
      "asked by another image", withForm (fun levels -> { levels with Query = Hierarchy.Query.Shuffled })
      "one-sided", withForm (fun levels -> { levels with Agreement = Hierarchy.Agreement.OneSided })
      "learned positions", withForm (fun levels -> { levels with Position = Positions.Code.Learned })
      "a stage for each level", withForm (fun levels -> { levels with Stages = [ 8; 5 ] })
      "the nearest pairs", { levels 2 with Conditional = { plain.Conditional with Nearest = 3 } }
      "the nearest pairs in blocks", { levels 2 with Conditional = { plain.Conditional with Nearest = 3; Block = 5 } }
      "in blocks", { levels 2 with Conditional = { plain.Conditional with Block = 16 } }
      "negatives, levels alone",
      { levels 2 with
          Conditional = { plain.Conditional with On = Conditional.On.Negatives; LevelsAlone = true; WarmUp = 2 } }
      "asked by averages",
      { levels 1 with
          Conditional = { plain.Conditional with Average = Conditional.Average.QueriesAndKeys }
          Average = 0.9 }
      "drawn pairs and proxies",
      (let proxies = Losses.All.ofText "proxy-anchor" 5 6
       { levels 2 with Loss = proxies; LevelLoss = proxies }) ]

let private others =
    [ "a memory", { plain with Loss = plain.Loss |> Memory.remembering { Size = 30; Start = 1; Weight = 1.0 } 6 }
      "mixed similarities", { levels 1 with Loss = SimilarityMixup.mixed 4L plain.Loss; LevelLoss = SimilarityMixup.mixed 4L plain.Loss }
      "a teacher of features", { plain with Teacher = { Weight = 3.0; Temperature = 0.7; Start = 1 } }
      "averages of the weights", { plain with Average = 0.9 }
      "a head without a norm", { plain with Network = networkOf "gem" false features }
      "micro-batches of frozen norms", { levels 1 with Network = networkOf "class" true (Layer.frozen features); MicroBatch = 2 }
      "marks of pairs",
      { levels 1 with
          Labels =
              fun () ->
                  let labels = classes ()
                  let alike = labels.unsqueeze(0L).eq(labels.unsqueeze 1L)
                  (alike.``to`` torch.int8 * (2).ToScalar() - (1).ToScalar()).``to`` torch.int8 } ]

/// The encoder that runs begin with by default, and its head.
let private small =
    let encoder = (Encoders.All.tryBuild "small" { Size = 16; Norms = Layers.Norms.Batch }).Value
    let _, width, pool = Encoders.All.poolings |> List.find (fun (name, _, _) -> name = "grid")
    let network = { Network.ofEncoder encoder (width, pool, false) false 6 with Features = encoder.Features }

    { plain with
        Network = network
        Hierarchy = Hierarchy.plain { Channels = encoder.Channels; Embedding = 6; Heads = 2 } 1
        Side = 16 }

/// Rows and columns of a matrix that each of a team has its rows of, a function of theirs and its gradients.
let private gathering =
    tensorTest "what is gathered and exchanged has the gradients of the whole" (fun () ->
        let whole = (normal 1 [ 6; 6; 2 ]).requires_grad_ true
        let weights = normal 2 [ 6; 6; 2 ]
        let total (x: Tensor) = ((x * x.transpose (0L, 1L)).exp() * weights).sum()
        let expected = Grad.gradients (total whole) [ "x", whole ] |> List.head |> snd

        for size in [ 2; 3; 6 ] do
            let found =
                together size (fun team ->
                    scoped (fun () ->
                        let own = (Team.ownOf team (whole.detach ())).clone().requires_grad_ true
                        let byRows = ((own * TeamPairs.transposed team own).exp() * Team.ownOf team weights).sum()
                        let gathered = Team.share team (total (Team.gathered team own))
                        let gradient value = Grad.keepingGraph value [ "x", own ] |> List.head |> snd
                        numbers (gradient byRows), numbers (gradient gathered)))

            let both = List.unzip found

            for what, found in [ "exchanged", fst both; "gathered", snd both ] do
                let found = torch.tensor(Array.concat found, dtype = float64).reshape expected.shape
                expectClose 1e-12 expected found $"{what} among {size}")

/// Maps, maps that lie channel by channel, and vectors.
let private normed =
    [ "maps", (fun () -> normal 3 [ 12; 5; 2; 3 ])
      "channels last", (fun () -> (normal 3 [ 12; 2; 3; 5 ]).permute(0L, 3L, 1L, 2L))
      "vectors", (fun () -> normal 3 [ 12; 5 ]) ]

/// The layer of one process, on everything, is the plain twin.
let private norming =
    [ for what, batch in normed do
          tensorTest $"a norm and its gradients are those of the whole batch: {what}" (fun () ->
              let whole = batch ()
              let norm = Layers.batchNorm 5

              let parameters =
                  Params.init 1L torch.CPU float64 norm.Specs
                  |> Params.map (fun name tensor -> if name = "weight" then normal 4 [ 5 ] else tensor)

              let outcome (team: Team) =
                  scoped (fun () ->
                      let x = (Team.ownOf team whole).clone().requires_grad_ true

                      let leaves = [ for name in [ "weight"; "bias" ] -> name, parameters[name].detach().clone().requires_grad_ true ]

                      let reported = ResizeArray()

                      let env =
                          { Params =
                              parameters
                              |> Params.map (fun name tensor ->
                                  leaves |> List.tryFind (fst >> (=) name) |> Option.map snd |> Option.defaultValue tensor)
                            Mode = Training
                            Report = (fun name value -> reported.Add(name, numbers value))
                            Team = team }

                      let y = norm.Forward env x
                      let value = (y.exp () * Team.ownOf team (normal 5 (List.map int (List.ofArray whole.shape)))).sum()
                      let ofX, ofLeaves = Grad.gradients value (("x", x) :: leaves) |> List.splitAt 1

                      numbers y, numbers (snd ofX.Head), [ for _, slope in ofLeaves -> numbers (summed team slope) ], List.ofSeq reported)

              let expectAlike what (expected: float array) (found: float array) =
                  for expected, found in Array.zip expected found do
                      Expect.floatClose { absolute = 1e-11; relative = 1e-11 } found expected what

              let y, ofX, ofLeaves, reported = List.exactlyOne (together 1 outcome)

              for size in [ 2; 3; 12 ] do
                  let found = together size outcome
                  expectAlike $"values among {size}" y (found |> List.map (fun (y, _, _, _) -> y) |> Array.concat)
                  expectAlike $"slopes among {size}" ofX (found |> List.map (fun (_, ofX, _, _) -> ofX) |> Array.concat)

                  for _, _, ofLeaves', reported' in found do
                      List.iter2 (expectAlike $"slopes of weight and bias among {size}") ofLeaves ofLeaves'

                      for (name, expected), (name', found) in List.zip reported reported' do
                          Expect.equal name' name "reported"
                          expectAlike $"{name} among {size}" expected found) ]

let tests =
    testList
        "Team"
        [ gathering
          yield! norming
          testList
              "equals one process, every loss"
              [ for name in Losses.All.names do
                    tensorTest name (fun () -> expectAlike [ 2; 3 ] (ofLoss name)) ]
          testList
              "equals one process, every form of level"
              [ for name, case in forms do
                    tensorTest name (fun () -> expectAlike [ 2; 3; 4 ] case) ]
          testList
              "equals one process, with"
              [ for name, case in others do
                    tensorTest name (fun () -> expectAlike [ 2; 3; 4 ] case) ]

          tensorTest "the default encoder equals that of one process" (fun () -> expectAlike [ 2 ] small)

          tensorTest "a problem of one process is told" (fun () ->
              let work (team: Team) =
                  if team.Rank = 1 then raise (InvalidOperationException "my disk is gone")
                  team.Gather(torch.ones (2, dtype = float64)).sum().item<float>()

              let problem = Expect.throwsC (fun () -> together 3 work |> ignore) id
              Expect.equal problem.Message "my disk is gone" "message") ]
