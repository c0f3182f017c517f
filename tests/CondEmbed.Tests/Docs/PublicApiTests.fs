/// What the libraries offer others, kept as text, so that a change of it is seen when it is made and not by those whom it breaks.
module CondEmbed.Tests.PublicApiTests

open System
open System.IO
open System.Reflection
open Expecto
open CondEmbed.Tests.Support

let private libraries =
    [ "CondEmbed"
      "CondEmbed.Common"
      "CondEmbed.Core"
      "CondEmbed.Extensions.AI"
      "CondEmbed.Images"
      "CondEmbed.Mpi"
      "CondEmbed.Onnx"
      "CondEmbed.Postgres"
      "CondEmbed.Search"
      "CondEmbed.Torch" ]

let private kept library = Path.Combine(repositoryRoot (), "tests", "api", library + ".txt")

/// Where the usual types are, which needs no saying.
let private usual =
    [ "System.Collections.Generic."
      "Microsoft.FSharp.Collections."
      "Microsoft.FSharp.Core."
      "TorchSharp.torch."
      "System." ]

let rec private nameOf (t: Type) =
    if t.IsByRef then
        "ref " + nameOf (t.GetElementType())
    elif t.IsArray then
        $"{nameOf (t.GetElementType())}[{String(',', t.GetArrayRank() - 1)}]"
    elif t.IsGenericParameter then
        t.Name
    else
        let own = if t.IsNested then $"{nameOf t.DeclaringType}.{t.Name}" else $"{t.Namespace}.{t.Name}"
        let own = (usual |> List.fold (fun (name: string) prefix -> name.Replace(prefix, "")) own).Split('`')[0]

        match t.GetGenericArguments() with
        | [||] -> own
        | arguments -> $"""{own}<{String.Join(", ", Array.map nameOf arguments)}>"""

let private parameters (of': MethodBase) =
    String.Join(", ", [ for p in of'.GetParameters() -> $"""{nameOf p.ParameterType} {p.Name}{if p.IsOptional then " = ..." else ""}""" ])

let private isOpen (m: MethodBase) = not (isNull m) && (m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly)

let private lineOf (found: MemberInfo) =
    match found with
    | :? ConstructorInfo as c when isOpen c -> Some $"new({parameters c})"
    | :? MethodInfo as m when isOpen m && not m.IsSpecialName ->
        let static' = if m.IsStatic then "static " else ""
        let generic = if m.IsGenericMethod then $"""<{String.Join(", ", m.GetGenericArguments() |> Array.map _.Name)}>""" else ""
        Some $"{static'}{m.Name}{generic}({parameters m}): {nameOf m.ReturnType}"
    | :? PropertyInfo as p when isOpen p.GetMethod || isOpen p.SetMethod ->
        let static' = if (Option.ofObj p.GetMethod |> Option.defaultValue p.SetMethod).IsStatic then "static " else ""
        let write = if isOpen p.SetMethod then " with set" else ""
        Some $"{static'}{p.Name}: {nameOf p.PropertyType}{write}"
    | :? FieldInfo as f when f.IsPublic && not f.IsSpecialName ->
        let value = if f.IsLiteral then $" = {f.GetRawConstantValue()}" else ""
        Some $"{f.Name}: {nameOf f.FieldType}{value}"
    | :? EventInfo as e when isOpen e.AddMethod -> Some $"event {e.Name}: {nameOf e.EventHandlerType}"
    | _ -> None

/// Equality, printing and the like, which the compiler adds to records and unions.
let private isGenerated (found: MemberInfo) = not (isNull (found.GetCustomAttribute<Runtime.CompilerServices.CompilerGeneratedAttribute>()))

let private everything =
    BindingFlags.DeclaredOnly
    ||| BindingFlags.Public
    ||| BindingFlags.NonPublic
    ||| BindingFlags.Instance
    ||| BindingFlags.Static

/// A line for each type and, indented, one for each of its members, sorted.
let private apiOf (library: string) =
    [ for t in Assembly.Load(library).GetExportedTypes() |> Array.sortBy nameOf do
          let parent =
              if isNull t.BaseType || t.BaseType = typeof<obj> || t.BaseType = typeof<ValueType> then "" else $": {nameOf t.BaseType}"

          nameOf t + parent

          yield!
              t.GetMembers everything
              |> Seq.filter (isGenerated >> not)
              |> Seq.choose lineOf
              |> Seq.distinct
              |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
              |> Seq.map (fun line -> "    " + line) ]

/// Set to 1 to take what there is now as what is meant.
let private accepts = Environment.GetEnvironmentVariable "CONDEMBED_ACCEPT_API" = "1"

let tests =
    testList
        "public API"
        [ for library in libraries ->
              test $"{library} offers what tests/api says" {
                  let now = apiOf library
                  if accepts then File.WriteAllLines(kept library, now)
                  let before = if File.Exists(kept library) then File.ReadAllLines(kept library) |> List.ofArray else []
                  let gone, added = List.except now before, List.except before now

                  if now <> before then
                      let lines = String.Join("\n", [ for line in gone -> "- " + line ] @ [ for line in added -> "+ " + line ])
                      failtest $"If this is meant, run the tests once with CONDEMBED_ACCEPT_API=1, and say so in CHANGELOG.md:\n{lines}"
              } ]
