using System.Linq.Expressions;

namespace CondEmbed.Extensions.AI;

/// <summary>The one filter that every store can apply: records of a label.</summary>
internal static class LabelFilter
{
    /// <summary>The label that a filter asks for; null where there is no filter.</summary>
    /// <param name="filter">Such as <c>record => record.Label == value</c>, in either order.</param>
    /// <param name="label">The name of the property that is the label; null where the class has none.</param>
    /// <exception cref="NotSupportedException">It asks for anything else.</exception>
    internal static string? Of<TRecord>(Expression<Func<TRecord, bool>>? filter, string? label)
    {
        if (filter is null)
        {
            return null;
        }

        if (label is not null && filter.Body is BinaryExpression { NodeType: ExpressionType.Equal } same)
        {
            foreach (var (property, value) in new[] { (same.Left, same.Right), (same.Right, same.Left) })
            {
                if (property is MemberExpression member && member.Expression == filter.Parameters[0] && member.Member.Name == label && !IsOfRecord(value)
                    && Expression.Lambda(value).Compile(preferInterpretation: true).DynamicInvoke() is string text)
                {
                    return text;
                }
            }
        }

        throw new NotSupportedException(
            $"the filter {filter} is not supported: "
            + (label is null
                ? "the record class has no label. Mark a text with [VectorStoreData(IsIndexed = true)]."
                : $"a filter has the form record => record.{label} == \"...\"."));
    }

    private static bool IsOfRecord(Expression expression)
    {
        var finder = new ParameterFinder();
        finder.Visit(expression);
        return finder.IsFound;
    }

    private sealed class ParameterFinder : ExpressionVisitor
    {
        internal bool IsFound { get; private set; }

        protected override Expression VisitParameter(ParameterExpression node)
        {
            IsFound = true;
            return node;
        }
    }
}
