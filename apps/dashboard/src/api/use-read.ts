import { useQuery, type UseQueryReturn } from '@pinia/colada'
import { toValue, type MaybeRefOrGetter } from 'vue'
import { useSession } from '../app/session.ts'
import { readApi, type ApiProblem, type Parameters } from './read-api.ts'

export type Read<Answer> = UseQueryReturn<Answer, ApiProblem>

/**
 * Reads an answer and reads it again when path or parameters change; until the new one is here the old one stays.
 * @param options.enabled asks only while true
 */
export function useRead<Answer>(
  path: MaybeRefOrGetter<string>, parameters: MaybeRefOrGetter<Parameters> = {},
  { enabled = true }: { enabled?: MaybeRefOrGetter<boolean> } = {},
): Read<Answer> {
  const { session } = useSession()
  return useQuery<Answer, ApiProblem>({
    key: () => [session.value.tenant.id, toValue(path), JSON.stringify(toValue(parameters))],
    query: ({ signal }) => readApi<Answer>(toValue(path), toValue(parameters), signal),
    placeholderData: (previous) => previous,
    enabled: () => toValue(enabled),
    staleTime: 15_000,
  }) as Read<Answer>
}
