module CondEmbed.Tests.ElfTests

open System
open System.IO
open System.Text
open Expecto
open FsCheck
open CondEmbed
open CondEmbed.Torch

[<Literal>]
let private Symbol = "_ZSt21ios_base_library_initv"

/// The version that TorchSharp's library names but does not use.
[<Literal>]
let Version = "GLIBCXX_3.4.32"

let weaken = Elf.weaken "libstdc++.so.6" Version Symbol

/// A file with nothing but what `Elf` reads: the given needs as (library, versions with their index), dynamic symbols as (name, index),
/// and relocations that refer to symbols by number.
let private elf (needs: (string * (string * int) list) list) (symbols: (string * int) list) (relocations: int list) =
    let strings = StringBuilder "\000"

    let name (text: string) =
        let at = strings.Length
        strings.Append(text).Append('\000') |> ignore
        at

    let u16 (value: int) = BitConverter.GetBytes(uint16 value)
    let u32 (value: int) = BitConverter.GetBytes value
    let u64 (value: int) = BitConverter.GetBytes(int64 value)

    let dynsym =
        [| for text, _ in symbols do
               yield! Array.concat [ u32 (name text); Array.zeroCreate 20 ] |]

    let versym =
        [| for _, index in symbols do
               yield! u16 index |]

    let needed =
        [| for i, (library, versions) in List.indexed needs do
               let next = if i = needs.Length - 1 then 0 else 16 + 16 * versions.Length

               yield! Array.concat [ u16 1; u16 versions.Length; u32 (name library); u32 16; u32 next ]

               for j, (version, index) in List.indexed versions do
                   let next = if j = versions.Length - 1 then 0 else 16
                   yield! Array.concat [ u32 0; u16 0; u16 index; u32 (name version); u32 next ] |]

    let rela =
        [| for symbol in relocations do
               yield! Array.concat [ u64 0; u32 7; u32 symbol; u64 0 ] |]

    // Number, type, link, info and content of each section; the strings are section 1.
    let parts =
        [ 0, 0, 0, [||]
          3, 0, 0, Encoding.ASCII.GetBytes(string strings)
          11, 1, 1, dynsym
          0x6fffffff, 2, 0, versym
          0x6ffffffe, 1, needs.Length, needed
          4, 2, 0, rela ]

    let offsets = parts |> List.scan (fun at (_, _, _, content) -> at + content.Length) 64

    let header = Array.zeroCreate<byte> 64
    [| 0x7fuy; byte 'E'; byte 'L'; byte 'F'; 2uy; 1uy |].CopyTo(header, 0)
    (u64 (List.last offsets)).CopyTo(header, 0x28)
    (u16 64).CopyTo(header, 0x3a)
    (u16 parts.Length).CopyTo(header, 0x3c)

    let row offset (kind, link, info, content: byte[]) =
        Array.concat [ u32 0; u32 kind; u64 0; u64 0; u64 offset; u64 content.Length; u32 link; u32 info; u64 0; u64 0 ]

    Array.concat
        [ header
          yield! parts |> List.map (fun (_, _, _, content) -> content)
          yield! List.map2 row (List.take parts.Length offsets) parts ]

let private libc = "libc.so.6", [ "GLIBC_2.14", 5; "GLIBC_2.34", 3 ]

let private libstdcxx = "libstdc++.so.6", [ "GLIBCXX_3.4", 2; Version, 18; "CXXABI_1.3", 4 ]

let private symbols = [ "", 0; "memcpy", 5; Symbol, 18; "_Znwm", 2 ]
let private usual = elf [ libc; libstdcxx ] symbols [ 1; 3 ]

let private flagsOf version file = Elf.versionNeeds file |> List.filter (fun need -> need.Version = version) |> List.map _.Flags

let private differences (a: byte[]) (b: byte[]) =
    Array.zip a b |> Array.indexed |> Array.filter (fun (_, (x, y)) -> x <> y) |> Array.map fst

let private flagBytes file =
    let need = Elf.versionNeeds file |> List.find (fun need -> need.Version = Version)
    [| need.FlagsOffset; need.FlagsOffset + 1 |]

let isWeakenedCopy original copy =
    Expect.containsAll (flagBytes original) (differences original copy) "only the two bytes of flags differ"
    Expect.equal (flagsOf Version copy) [ 2us ] "the wish is weak"

let private refuses says file =
    match weaken file with
    | Ok _ -> failtest $"weakened, though {says}"
    | Error problem -> Expect.stringContains problem says "the reason"

let tests =
    testList
        "elf"
        [ testCase "reads what a library needs, in file order"
          <| fun () ->
              Expect.equal
                  (Elf.versionNeeds usual |> List.map (fun need -> need.Library, need.Version, int need.Index))
                  [ for library, versions in [ libc; libstdcxx ] do
                        for version, index in versions do
                            library, version, index ]
                  "needs"

          testCase "knows the symbols of a version and whether they are used"
          <| fun () ->
              Expect.equal (Elf.symbolsOf 18us usual) [ 2, Symbol ] "the symbols of the version"
              Expect.isFalse (Elf.isUsed 2 usual) "nothing is relocated to symbol 2"
              Expect.isTrue (Elf.isUsed 3 usual) "something is relocated to symbol 3"

          testCase "weakens that one wish and nothing else"
          <| fun () ->
              let copy = Expect.wantOk (weaken usual) "a library as TorchSharp's"
              isWeakenedCopy usual copy
              Expect.equal (Expect.wantOk (weaken copy) "weakened again") copy "once weak, it stays as it is"

          testCase "refuses a library that does not fit, and says why"
          <| fun () ->
              refuses "0 times" (elf [ libc ] symbols [])
              refuses "2 times" (elf [ libstdcxx; "other.so", [ Version, 19 ] ] symbols [])
              refuses "0 times" (elf [ "libstdc++.so.6", [ "GLIBCXX_3.4.33", 18 ] ] symbols [])
              refuses "once" (elf [ "libother.so", [ Version, 18 ] ] symbols [])
              refuses "alone" (elf [ libstdcxx ] (symbols @ [ "_ZSt4cout", 18 ]) [])
              refuses "alone" (elf [ libstdcxx ] [ "", 0; "_ZSt4cout", 18 ] [])
              refuses "calls" (elf [ libstdcxx ] symbols [ 2 ])

          testCase "refuses what is no ELF library"
          <| fun () ->
              refuses "not a whole ELF" [||]
              refuses "not a whole ELF" (Encoding.ASCII.GetBytes(String('x', 200)))
              refuses "not a whole ELF" (Array.truncate (usual.Length - 64) usual)

          testProperty "never fails otherwise on damaged files, and changes at most the flags"
          <| fun (damage: (uint16 * byte) list) (NonNegativeInt cut) ->
              let file = Array.truncate (usual.Length - (if cut % 3 = 0 then cut % usual.Length else 0)) usual

              for at, value in damage do
                  file[int at % file.Length] <- value

              match weaken file with
              | Ok copy -> (differences file copy).Length <= 2
              | Error problem -> problem <> "" ]
