namespace CondEmbed

open System
open System.Collections
open System.Collections.Generic

/// Numbers by name, such as the settings of a loss; equal if names and numbers are equal.
[<Sealed>]
type NamedNumbers(items: seq<KeyValuePair<string, float>>) =
    let items: Map<string, float> = (Map.empty, items) ||> Seq.fold (fun all item -> Map.add item.Key item.Value all)

    /// No numbers.
    static member val Empty = NamedNumbers []

    /// These numbers and others; the others win if a name is in both.
    member _.With(others: seq<KeyValuePair<string, float>>) = NamedNumbers(Seq.append items others)

    member private _.Items = items

    override _.Equals other =
        match other with
        | :? NamedNumbers as other -> other.Items = items
        | _ -> false

    override _.GetHashCode() = items.GetHashCode()

    override _.ToString() = String.Join(", ", [ for KeyValue(key, value) in items -> $"{key}={value}" ])

    interface IReadOnlyDictionary<string, float> with
        member _.Count = items.Count

        member _.Item
            with get key = items[key]

        member _.Keys = items.Keys
        member _.Values = items.Values
        member _.ContainsKey key = items.ContainsKey key
        member _.TryGetValue(key, value) = items.TryGetValue(key, &value)
        member _.GetEnumerator() : IEnumerator<KeyValuePair<string, float>> = (items :> seq<_>).GetEnumerator()
        member _.GetEnumerator() : IEnumerator = (items :> IEnumerable).GetEnumerator()
