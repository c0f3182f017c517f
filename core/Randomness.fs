/// The state of torch's global generator on the CPU, as bytes.
module CondEmbed.Randomness

open System
open System.Buffers.Binary
open TorchSharp

/// Numbers that a Mersenne Twister (MT19937) holds.
[<Literal>]
let private TwisterNumbers = 624

/// The current state.
let state () : byte array = scoped (fun () -> torch.get_rng_state().bytes.ToArray())

/// What is wrong with bytes that should be a state: their number, and the fields of ATen's CPUGeneratorImplState that are not numbers of the twister
/// (CPUGeneratorImpl.cpp). None for a sound state. Torch would end the process over a wrong one.
let problem (state': byte array) =
    let wanted = scoped (fun () -> int (torch.get_rng_state().numel()))
    let word (at: int) = BinaryPrimitives.ReadInt32LittleEndian(ReadOnlySpan(state', at, 4))

    if state'.Length <> wanted then
        Some $"it has {state'.Length} bytes and should have {wanted}: it was cut off, or is another file"
    else
        // The seed: 8 bytes; numbers left before the next twist: 4; seeded: 4; the next number: 8; the numbers: 8 each; three doubles; whether a normal number is kept: 4.
        let left, seeded, next = word 8, word 12, BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan(state', 16, 8))
        let keeps = word (24 + TwisterNumbers * 8 + 24)

        let isPlace = left >= 1 && left <= TwisterNumbers && next >= 0L && int64 left + next <= int64 TwisterNumbers + 1L

        if seeded = 1 && isPlace && (keeps = 0 || keeps = 1) then None else Some "it is damaged: its counters are out of range"

/// Restores a state. ArgumentException for bytes that are not one.
let restore (state': byte array) =
    match problem state' with
    | Some problem -> invalidArg (nameof state') $"The state of the random generator cannot be used: {problem}."
    | None -> scoped (fun () -> torch.set_rng_state (torch.tensor (state', dtype = torch.uint8, device = torch.CPU)))

/// Marks this place in the random numbers of a device; what it returns goes back there, so that what follows is drawn again. On a GPU, whose generator cannot be read, it
/// starts this generator anew from a seed that the CPU's draws.
let marked (device: torch.Device) : unit -> unit =
    let here = state ()

    match device.``type`` with
    | DeviceType.CUDA ->
        let seed = scoped (fun () -> torch.randint(0L, 1L <<< 40, [| 1L |], dtype = int64', device = torch.CPU).item<int64>())
        let after = state ()
        torch.cuda.manual_seed_all seed

        fun () ->
            restore after
            torch.cuda.manual_seed_all seed
    | _ -> fun () -> restore here
