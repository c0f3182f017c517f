/// The state of torch's generator on the CPU as bytes: what is checked of it before torch sees it, which ends the process over a wrong one.
module internal CondEmbed.RandomState

open System
open System.Buffers.Binary

/// Words of the Mersenne twister.
let private words = 624

/// What is wrong with bytes that should be a state: their number, and the fields of ATen's CPUGeneratorImplState that are no words of the twister
/// (CPUGeneratorImpl.cpp). None for a sound state.
let problem (length: int) (bytes: byte array) =
    let word (at: int) = BinaryPrimitives.ReadInt32LittleEndian(ReadOnlySpan(bytes, at, 4))
    let flag at = word at = 0 || word at = 1

    if bytes.Length <> length then
        Some $"it has {bytes.Length} bytes, where torch's generator has {length}"
    else
        // the_initial_seed: 8 bytes, left: 4, seeded: 4, next: 8, state: 624 x 8, three doubles, normal_is_valid: 4
        let left, seeded, next = word 8, word 12, BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan(bytes, 16, 8))
        let isPlace = left >= 1 && left <= words && next >= 0L && int64 left + next <= int64 words + 1L

        if seeded = 1 && isPlace && flag (24 + words * 8 + 24) then None else Some "it holds no state of torch's generator"
