/// The training step: the one place where things change.
module CondEmbed.Train

open TorchSharp

/// How an objective is trained.
type Method =
    {
        Objective: Objective
        Optimiser: Optimiser.Rule
        Rules: Groups.Rule list
        /// The base learning rate at each step.
        Rate: int -> float
        /// The greatest common length of all gradients; 0 for no bound.
        Clip: float
    }

/// What a run owns: parameters, the optimiser's moments and the number of steps done. A step changes it in place.
[<Sealed>]
type State =
    interface System.IDisposable
    /// All parameters and statistics.
    member Params: Params
    /// The optimiser's moments under `<leaf>.<moment>`.
    member Moments: Params
    /// Steps done so far.
    member Step: int with get, set

/// What a step reports, as plain numbers.
type Report = { Step: int; Loss: float; Terms: (string * float) list; Rate: float; GradientNorm: float }

/// A fresh state: parameters drawn from the seed, moments zero. Errors of Groups.assign.
val start: seed: int64 -> device: torch.Device -> dtype: torch.ScalarType -> Method -> State

/// One step on a batch: value, gradients, statistics, update. The state is changed in place, its leaves keep their identity, and every other
/// tensor that the step makes is gone when it returns. The step draws from torch's global generator only if the objective does. A loss or
/// gradient that is not finite is an ArithmeticException that names the terms, and leaves the state as it was. InputException where every
/// leaf is frozen.
val step: Method -> State -> Batch -> Report
