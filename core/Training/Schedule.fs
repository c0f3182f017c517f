/// Learning rate as a function of the step: factors of the base rate.
module CondEmbed.Schedule

open System

/// From a step (0, 1, ...) to a factor.
type Schedule = int -> float

/// 1 at every step.
let constant: Schedule = fun _ -> 1.0

/// Half a cosine from 1 at step 0 to 0 at the last step's end: Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5.
let cosine (steps: int) : Schedule = fun step -> 0.5 * (1.0 + cos (Math.PI * float (min step steps) / float (max 1 steps)))

/// Multiplied by a factor every n steps.
let stepwise (every: int) (factor: float) : Schedule = fun step -> factor ** float (step / max 1 every)

/// Rises linearly to 1 over the first steps, then follows the schedule from its start.
let withWarmUp (steps: int) (schedule: Schedule) : Schedule =
    fun step -> if step < steps then float (step + 1) / float steps else schedule (step - steps)
