using System.Reflection;
using System.Reflection.Emit;

namespace BillingPortal.Tests.Testing;

/// <summary>Which types a compiled type uses: in its signatures, attributes and method bodies.</summary>
internal static class References
{
    private const BindingFlags Own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(code => code.Value);

    public static IEnumerable<Type> Of(Type type) => Direct(type).SelectMany(Parts).Distinct();

    private static IEnumerable<Type?> Direct(Type type)
    {
        yield return type.BaseType;
        foreach (var used in type.GetInterfaces().Concat(type.GetFields(Own).Select(f => f.FieldType)).Concat(type.GetCustomAttributesData().Select(a => a.AttributeType)))
        {
            yield return used;
        }

        foreach (var method in type.GetMethods(Own).Concat<MethodBase>(type.GetConstructors(Own)))
        {
            yield return (method as MethodInfo)?.ReturnType;
            foreach (var used in method.GetParameters().Select(p => p.ParameterType).Concat(InBody(method)))
            {
                yield return used;
            }
        }
    }

    private static IEnumerable<Type> InBody(MethodBase method)
    {
        var body = method.GetMethodBody();
        var code = body?.GetILAsByteArray() ?? [];
        foreach (var local in body?.LocalVariables ?? [])
        {
            yield return local.LocalType;
        }

        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? unchecked((short)(0xFE00 | code[at + 1])) : code[at];
            var operation = OpCodes[value];
            at += operation.Size;
            if (operation.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                foreach (var used in Resolve(method.Module, BitConverter.ToInt32(code, at), typeArguments, methodArguments))
                {
                    yield return used;
                }
            }

            at += Size(operation.OperandType, code, at);
        }
    }

    private static IEnumerable<Type> Resolve(Module module, int token, Type[]? typeArguments, Type[]? methodArguments)
    {
        var member = module.ResolveMember(token, typeArguments, methodArguments);
        return member switch
        {
            Type type => [type],
            MethodInfo { IsGenericMethod: true } method => [method.DeclaringType!, .. method.GetGenericArguments()],
            _ when member?.DeclaringType is { } declaring => [declaring],
            _ => [],
        };
    }

    private static int Size(OperandType operand, byte[] code, int at) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
        _ => 4,
    };

    private static IEnumerable<Type> Parts(Type? type)
    {
        if (type is null)
        {
            yield break;
        }

        yield return type;
        foreach (var part in (type.HasElementType ? [type.GetElementType()!] : type.GetGenericArguments()).SelectMany(Parts))
        {
            yield return part;
        }
    }
}
