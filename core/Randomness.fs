/// The state of torch's global generator on the CPU, as bytes.
module CondEmbed.Randomness

open System
open TorchSharp

/// Numbers that a Mersenne Twister (MT19937) holds.
[<Literal>]
let private TwisterNumbers = 624

/// The state now.
let state () : byte array = scoped (fun () -> torch.get_rng_state().bytes.ToArray())

/// Goes back to a state. ArgumentException for bytes that are none: given those, torch would end the process.
let restore (state': byte array) =
    scoped (fun () ->
        let wanted = int (torch.get_rng_state().numel())

        if state'.Length <> wanted then
            invalidArg
                (nameof state')
                $"The state of the random generator has {state'.Length} bytes and should have {wanted}: it was cut off, or is another file."

        // The seed (8 bytes), how many numbers are left before the next twist, whether it was seeded, and the place of the next number.
        let left, seeded, next =
            BitConverter.ToInt32(state', 8), BitConverter.ToInt32(state', 12), BitConverter.ToUInt64(state', 16)

        if seeded <> 1 || left < 1 || left > TwisterNumbers || next > uint64 TwisterNumbers then
            invalidArg (nameof state') "The state of the random generator is damaged: its counters are out of range."

        torch.set_rng_state (torch.tensor (state', dtype = torch.uint8, device = torch.CPU)))
